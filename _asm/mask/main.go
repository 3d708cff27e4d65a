// Command mask writes the assembly of internal/kernel/mask.
package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("mask", map[string]func(*gen.Asm){"avx2": func(a *gen.Asm) {
		over(a, "grayAVX2", 1)
		over(a, "rgb24AVX2", 3)
	}})
	gen.MainNEON("mask", func(n *gen.NEON) {
		overNEON(n, "grayNEON", 1)
		overNEON(n, "rgb24NEON", 3)
	})
}

const (
	signature = "dst, under, over, mask *byte, vectors int"
	doc       = `%s makes 16*vectors pixels, vectors > 0. dst may be under.
	for i := range dst {
		dst[i] = div255(m*over[i] + (255-m)*under[i]) // m is mask[i/%d]
	}`
)

// over writes the kernel of pixels of so many bytes.
func over(a *gen.Asm, name string, size int) {
	a.Func(name, "func("+signature+")", fmt.Sprintf(doc, name, size))
	dst, under, above, mask, vectors := a.Arg("dst"), a.Arg("under"), a.Arg("over"), a.Arg("mask"), a.Arg("vectors")
	shuffles := operand.Mem{}
	if size > 1 {
		shuffles = a.Bytes("repeat", repeated(size))
	}
	half := gen.Name(a, "128 in each word", a.YMM())
	a.VPCMPEQW(half, half, half)
	a.VPSRLW(operand.U8(15), half, half)
	a.VPSLLW(operand.U8(7), half, half)
	a.Loop("loop", vectors, 1, func() {
		masks := a.XMM()
		a.VMOVDQU(gen.At(mask, 0), masks)
		for i := range size {
			part := masks
			if size > 1 {
				part = a.XMM()
				a.VPSHUFB(shuffles.Offset(16*i), masks, part)
			}
			m, u, d, t := a.YMM(), a.YMM(), a.YMM(), a.YMM()
			a.VPMOVZXBW(part, m)
			a.VPMOVZXBW(gen.At(under, 16*i), u)
			a.VPMOVZXBW(gen.At(above, 16*i), d)
			// mask*over + (255-mask)*under, which fits 16 bits, is mask*(over-under) + 255*under modulo 1<<16.
			a.VPSUBW(u, d, d)
			a.VPMULLW(m, d, d)
			a.VPSLLW(operand.U8(8), u, t)
			a.VPSUBW(u, t, t)
			a.VPADDW(d, t, t)
			a.VPADDW(half, t, t)
			a.VPSRLW(operand.U8(8), t, d)
			a.VPADDW(d, t, t)
			a.VPSRLW(operand.U8(8), t, t)
			high := a.XMM()
			a.VEXTRACTI128(operand.U8(1), t, high)
			a.VPACKUSWB(high, t.AsX(), high)
			a.VMOVDQU(high, gen.At(dst, 16*i))
		}
		a.ADDQ(operand.U8(16), mask)
		for _, p := range []operand.Op{dst, under, above} {
			a.ADDQ(operand.U8(uint8(16*size)), p)
		}
	})
	a.End()
}

// repeated is the shuffles that repeat each of 16 bytes so many times.
func repeated(size int) []byte {
	s := make([]byte, 16*size)
	for i := range s {
		s[i] = byte(i / size)
	}
	return s
}

// overNEON writes the kernel of pixels of so many bytes.
func overNEON(n *gen.NEON, name string, size int) {
	n.Text(fmt.Sprintf("\n// func %s(%s)\nTEXT ·%[1]s(SB), NOSPLIT, $0-40\n", name, signature))
	for _, line := range strings.Split(fmt.Sprintf(doc, name, size), "\n") {
		n.Text("\t// " + line)
	}
	n.Text("\t// Registers: R0 dst, R1 under, R2 over, R3 mask, R4 vectors, V0-V2 under, V3-V5 over, V6 mask, V7 255-mask, V16-V18 dst")
	for i, p := range []string{"dst+0", "under+8", "over+16", "mask+24", "vectors+32"} {
		n.Text(fmt.Sprintf("\tMOVD %s(FP), R%d", p, i))
	}
	var under, above, out [3]gen.V
	for i := range 3 {
		under[i], above[i], out[i] = n.Pin(i), n.Pin(3+i), n.Pin(16+i)
	}
	mask, rest, low, high := n.Pin(6), n.Pin(7), n.Pin(20), n.Pin(21)
	load := map[int][2]string{
		1: {"VLD1.P 16(R1), [V0.B16]", "VLD1.P 16(R2), [V3.B16]"},
		3: {"VLD3.P 48(R1), [V0.B16, V1.B16, V2.B16]", "VLD3.P 48(R2), [V3.B16, V4.B16, V5.B16]"},
	}[size]
	store := map[int]string{1: "VST1.P [V16.B16], 16(R0)", 3: "VST3.P [V16.B16, V17.B16, V18.B16], 48(R0)"}[size]
	n.Flush()
	n.Text("\nloop:")
	n.Do(load[0])
	n.Do(load[1])
	n.Set(mask, "VLD1.P 16(R3), [V%d.B16]")
	n.SetCode(rest, 0x6E205800, "MVN V%[2]d.16B, V%[1]d.16B", mask)
	for i := range size {
		n.SetCode(low, 0x2E20C000, "UMULL V%[3]d.8H, V%[1]d.8B, V%[2]d.8B", under[i], rest)
		n.SetCode(high, 0x6E20C000, "UMULL2 V%[3]d.8H, V%[1]d.16B, V%[2]d.16B", under[i], rest)
		n.SetCode(low, 0x2E208000, "UMLAL V%[3]d.8H, V%[1]d.8B, V%[2]d.8B", above[i], mask)
		n.SetCode(high, 0x6E208000, "UMLAL2 V%[3]d.8H, V%[1]d.16B, V%[2]d.16B", above[i], mask)
		for k, sum := range []gen.V{low, high} {
			eighth := n.OpCode(0x6F182400, "URSHR V%[2]d.8H, V%[1]d.8H, #8", sum)
			code := []uint32{0x2E204000, 0x6E204000}[k]
			text := []string{"RADDHN V%[3]d.8B, V%[1]d.8H, V%[2]d.8H", "RADDHN2 V%[3]d.16B, V%[1]d.8H, V%[2]d.8H"}[k]
			n.SetCode(out[i], code, text, sum, eighth)
		}
	}
	n.Do(store)
	n.Flush()
	n.Text("	SUBS $1, R4\n	BNE loop\n	RET")
}
