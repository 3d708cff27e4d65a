package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// wide writes the kernels of Widened: 16 samples at a time, from 4 windows of 8 words (near) or from 8 (far). A register is
// doublewords of neighboring words for samples 0..3 in its lower half and 8..11 in the upper, or for 4..7 and 12..15. A
// group of a table is, in bytes:
//
//	offsets   4 each: of the windows for the lower and the upper half of the first register (far: twice), then of the second
//	          and nothing up to 32
//	weights   32 each: of the words of each doubleword of a register, in 32768ths: -w and w
//	shuffles  32 each: what two windows put into the halves
func wide(a *gen.Asm) {
	half := a.Bytes("halfOf32768", []byte{0, 1 << 6, 0, 0, 0, 1 << 6, 0, 0})
	for _, windows := range []int{4, 8} {
		name := map[int]string{4: "near", 8: "far"}[windows] + "WideAVX2"
		a.Func(name, "func(dst, src *int16, table *byte, groups int)", fmt.Sprintf(`
%s interpolates groups*16 samples, groups > 0, of %d windows.
	dst[i] = a + ((b-a)*w + 1<<14) >> 15`, name, windows))
		dst, src, table, groups := a.Arg("dst"), a.Arg("src"), a.Arg("table"), a.Arg("groups")
		rounding, zero := gen.Name(a, "1<<14", a.YMM()), gen.Name(a, "0", a.YMM())
		a.VPBROADCASTD(half, rounding)
		a.VPXOR(zero, zero, zero)
		a.Loop("loop", groups, 1, func() {
			var samples [2]reg.VecVirtual // in doublewords
			for i := range samples {
				pairs := neighbors(a, src, table, i*windows/4, windows/4)
				products := a.YMM()
				a.VPMADDWD(gen.At(table, 32+32*i), pairs, products)
				a.VPADDD(rounding, products, products)
				a.VPSRAD(operand.U8(15), products, products)
				a.VPBLENDW(operand.U8(0b01010101), pairs, zero, pairs) // the first of each two
				a.VPADDD(products, pairs, pairs)
				samples[i] = pairs
			}
			a.VPACKSSDW(samples[1], samples[0], samples[0])
			a.VMOVDQU(samples[0], gen.At(dst, 0))
			a.ADDQ(operand.U8(32), dst)
			a.ADDQ(operand.U32(96+16*windows), table)
		})
		a.End()
	}
}

// neighbors returns a register of pairs of words, made of parts of two windows each.
func neighbors(a *gen.Asm, src, table reg.GPVirtual, first, parts int) reg.VecVirtual {
	var pairs reg.VecVirtual
	for part := first; part < first+parts; part++ {
		v, low, high := a.YMM(), a.GP64(), a.GP64()
		a.MOVL(gen.At(table, 8*part), low.As32())
		a.MOVL(gen.At(table, 8*part+4), high.As32())
		a.VBROADCASTI128(operand.Mem{Base: src, Index: low, Scale: 1}, v)
		a.VINSERTI128(operand.U8(1), operand.Mem{Base: src, Index: high, Scale: 1}, v, v)
		a.VPSHUFB(gen.At(table, 96+32*part), v, v)
		if part == first {
			pairs = v
		} else {
			a.VPOR(v, pairs, pairs)
		}
	}
	return pairs
}
