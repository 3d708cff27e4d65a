package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// wide512 writes the kernel of Widened for 32 samples at a time, from one window of 64 words. A group of a table is, in bytes:
//
//	offset    4, of the window, and nothing up to 64
//	places    64: of the first of the two words of each sample, in the window
//	weights   64: of the second, in 32768ths
func wide512(a *gen.Asm) {
	a.Func("wideAVX512", "func(dst, src *int16, table *byte, groups int)", `
wideAVX512 interpolates groups*32 samples, groups > 0.
	dst[i] = a + ((b-a)*w + 1<<14) >> 15`)
	dst, src, table, groups := a.Arg("dst"), a.Arg("src"), a.Arg("table"), a.Arg("groups")
	one := a.BroadcastW("1", 1)
	a.Loop("loop", groups, 1, func() {
		at := a.GP64()
		a.MOVL(gen.At(table, 0), at.As32())
		low, high, first, second := a.ZMM(), a.ZMM(), a.ZMM(), a.ZMM()
		a.VMOVDQU64(operand.Mem{Base: src, Index: at, Scale: 1}, low)
		a.VMOVDQU64(operand.Mem{Base: src, Index: at, Scale: 1, Disp: 64}, high)
		a.VMOVDQU64(gen.At(table, 64), first)
		a.VPADDW(one, first, second)
		a.VPERMI2W(high, low, first)
		a.VPERMI2W(high, low, second)
		a.VPSUBW(first, second, second)
		a.VPMULHRSW(gen.At(table, 128), second, second)
		a.VPADDW(first, second, second)
		a.VMOVDQU64(second, gen.At(dst, 0))
		a.ADDQ(operand.U8(64), dst)
		a.ADDQ(operand.U32(192), table)
	})
	a.End()
}
