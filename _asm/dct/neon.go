package main

import (
	"encoding/binary"
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// forwardNEON is machine for NEON: one block at a time.
type forwardNEON struct {
	*gen.NEON
	factor [len(constants)]gen.V
}

func neon(n *gen.NEON) {
	f := &forwardNEON{NEON: n}
	n.Text(`
// func forwardNEON(coefs *[64]int16, masks *uint64, src *int16, stride int, blocks int, table *[2][8][32]int16, _ *byte)
TEXT ·forwardNEON(SB), NOSPLIT, $0-56
	// forwardNEON is Kernels.Forward for blocks > 0 blocks. stride is in bytes. It is unrolled because a block is a
	// quarter of the registers.
	// Registers: R0 coefs, R1 masks, R2 src, R3 stride, R4 blocks, R5 table, R6 and R7 a row and the way to the next
	MOVD coefs+0(FP), R0
	MOVD masks+8(FP), R1
	MOVD src+16(FP), R2
	MOVD stride+24(FP), R3
	MOVD blocks+32(FP), R4
	MOVD table+40(FP), R5`)
	for c, v := range constants {
		f.factor[c] = n.Pin(27 + c)
		n.Set(f.factor[c], fmt.Sprintf("MOVD $%d, R6; VDUP R6, V%%d.H8 // %s", v.value, v.name))
	}
	bits := n.Pin(26)
	n.Set(bits, "MOVD $0x8040201008040201, R6; VDUP R6, V%d.D2 // one bit in each byte")
	var zigzag, columns [4]gen.V
	for i := range zigzag {
		zigzag[i], columns[i] = n.Pin(22+i), n.Pin(18+i)
	}
	n.Do("MOVD $zigzag<>(SB), R6; VLD1 (R6), [V22.B16, V23.B16, V24.B16, V25.B16]")
	n.Flush()

	n.Text("\nblock:\n\tMOVD R2, R6")
	var x [8]gen.V
	for i := range x {
		x[i] = n.Op("VLD1.P (R6)(R3), [V%d.H8]")
	}
	y := transform(f, x, n.Comment)
	f.quantize(&y)
	for _, v := range y {
		n.Do("VST1.P [V%d.H8], 16(R0)", v)
	}
	n.Comment("Mask: bytes that are all ones where coefficients are not zero, in zig-zag order, each gives one bit.")
	for i := range columns {
		low := n.Op("VCMTST V%[1]d.H8, V%[1]d.H8, V%[2]d.H8", y[2*i])
		high := n.Op("VCMTST V%[1]d.H8, V%[1]d.H8, V%[2]d.H8", y[2*i+1])
		n.Set(columns[i], "VUZP1 V%[2]d.B16, V%[1]d.B16, V%[3]d.B16", low, high)
	}
	var sums [4]gen.V
	for i := range sums {
		ones := n.Op("VTBL V%d.B16, [V18.B16, V19.B16, V20.B16, V21.B16], V%d.B16", zigzag[i])
		sums[i] = n.Op("VAND V%d.B16, V%d.B16, V%d.B16", bits, ones)
	}
	add := func(x, y gen.V) gen.V { return n.Op("VADDP V%[2]d.B16, V%[1]d.B16, V%[3]d.B16", x, y) }
	sum := add(add(sums[0], sums[1]), add(sums[2], sums[3]))
	n.Do("VMOV V%d.D[0], R6", add(sum, sum))
	n.Flush()
	n.Text(`	AND $-2, R6
	MOVD.P R6, 8(R1)
	ADD $16, R2
	SUBS $1, R4
	BNE block
	RET
`)
	for i := 0; i < len(order); i += 8 {
		n.Text(fmt.Sprintf("DATA zigzag<>+%d(SB)/8, $0x%016x", i, binary.LittleEndian.Uint64(order[i:])))
	}
	n.Text("GLOBL zigzag<>(SB), RODATA|NOPTR, $64")
}

// quantize multiplies by the rows of table: 64 bytes each, of which a block's are the first 16.
func (f *forwardNEON) quantize(y *[8]gen.V) {
	f.Comment("Quantize.")
	f.Do("MOVD R5, R6; MOVD $64, R7")
	for range 2 {
		for u := range y {
			y[u] = f.MulHRS(y[u], f.Op("VLD1.P (R6)(R7), [V%d.H8]"))
		}
	}
}

func (f *forwardNEON) add(x, y gen.V) gen.V {
	return f.Op("VADD V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", x, y)
}

func (f *forwardNEON) sub(x, y gen.V) gen.V {
	return f.Op("VSUB V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", x, y)
}

func (f *forwardNEON) mulhrs(x gen.V, c constant) gen.V { return f.MulHRS(x, f.factor[c]) }

func (f *forwardNEON) zip(bits int, x, y gen.V) (low, high gen.V) {
	as := map[int]string{16: "H8", 32: "S4", 64: "D2"}[bits]
	text := " V%[2]d." + as + ", V%[1]d." + as + ", V%[3]d." + as
	return f.Op("VZIP1"+text, x, y), f.Op("VZIP2"+text, x, y)
}
