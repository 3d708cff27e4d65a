package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// resized writes the kernels of Resized: 16 samples at a time of one channel or of two, from 4 windows of 16 bytes (near) or
// from 8 (far). A group of a table is, in bytes:
//
//	shuffles  32 for each two windows: what they put into the lower and the upper half of a register
//	weights   32: of the two bytes of each sample, adding up to 128
//	offsets   4 for each window
//	          and nothing up to a multiple of 32
//
// A half of a register is pairs of bytes of 8 samples, or of 4 samples in one channel and then in the other.
func resized(a *gen.Asm) {
	for channels := 1; channels <= 2; channels++ {
		for _, windows := range []int{4, 8} {
			writeResized(a, channels, windows)
		}
	}
}

func writeResized(a *gen.Asm, channels, windows int) {
	name := map[int]string{4: "near", 8: "far"}[windows] + []string{"Plane", "Pairs"}[channels-1] + "AVX2"
	a.Func(name, "func(first, second *int16, src, table *byte, ahead, groups, bias int)",
		fmt.Sprintf("%s interpolates groups*16 samples, groups > 0, of %d windows, and takes bias off each.", name, windows))
	dst := []reg.GPVirtual{a.Arg("first")}
	if channels == 2 {
		dst = append(dst, a.Arg("second"))
	}
	src, table, groups := a.Arg("src"), a.Arg("table"), a.Arg("groups")
	ahead := gen.Name(a, "the row ahead", a.GP64())
	a.MOVQ(a.ArgAddr("ahead"), ahead)
	a.ADDQ(src, ahead)
	bias, word := gen.Name(a, "bias", a.YMM()), a.XMM()
	a.VMOVQ(a.ArgAddr("bias"), word)
	a.VPBROADCASTW(word, bias)
	weights := 16 * windows
	a.Loop("loop", groups, 1, func() {
		parts := windows / 2 / channels // pairs of windows that make a register
		var pairs []reg.VecVirtual      // of bytes
		for i := range windows / 2 {
			v, low, high := a.YMM(), a.GP64(), a.GP64()
			a.MOVL(gen.At(table, weights+32+8*i), low.As32())
			a.MOVL(gen.At(table, weights+36+8*i), high.As32())
			if i%2 == 0 { // near, up to a ratio of 4, or 2 for pairs, a group is a cache line or less; far, four windows are
				a.PREFETCHT0(operand.Mem{Base: ahead, Index: low, Scale: 1})
				if windows == 8 {
					a.PREFETCHT0(operand.Mem{Base: ahead, Index: high, Scale: 1})
				}
			}
			a.VBROADCASTI128(operand.Mem{Base: src, Index: low, Scale: 1}, v)
			a.VINSERTI128(operand.U8(1), operand.Mem{Base: src, Index: high, Scale: 1}, v, v)
			a.VPSHUFB(gen.At(table, 32*i), v, v)
			if i%parts != 0 {
				whole := pairs[len(pairs)-1]
				a.VPOR(v, whole, whole)
				continue
			}
			pairs = append(pairs, v)
		}
		if channels == 2 {
			first, second := a.YMM(), a.YMM()
			a.VPUNPCKLQDQ(pairs[1], pairs[0], first)
			a.VPUNPCKHQDQ(pairs[1], pairs[0], second)
			pairs = []reg.VecVirtual{first, second}
		}
		for i, v := range pairs {
			a.VPMADDUBSW(gen.At(table, weights), v, v)
			a.VPSUBW(bias, v, v)
			a.VMOVDQU(v, gen.At(dst[i], 0))
			a.ADDQ(operand.U8(32), dst[i])
		}
		a.ADDQ(operand.U32(groupBytes(windows)), table)
	})
	a.End()
}

// groupBytes is the size of a group.
func groupBytes(windows int) int { return (16*windows + 32 + 4*windows + 31) / 32 * 32 }
