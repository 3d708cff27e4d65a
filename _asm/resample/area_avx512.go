package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// areaAVX512 writes the kernel of PackedArea that makes 16 samples at a time, of as many times four pixels as a group says.
// A group of a table is, in bytes:
//
//	rounds   8: how often four pixels are added to each sample
//	         and 56 of nothing
//
// and for each round
//
//	places   64 each, of four pixels in two windows of 64 bytes: the first channel of samples 0..7, then the second; the
//	         third, then nothing; and the same for samples 8..15
//	weights  32 each, of four pixels of samples 0..7, in 256ths, and what is left over; and the same for samples 8..15
//	offsets  4 each, of the windows for samples 0..3; 4..7; 8..11; 12..15
//	         and 48 of nothing
//
// A weight is 256*high + low, so that both fit a signed byte.
func areaAVX512(a *gen.Asm) {
	const name = "areaAVX512"
	half := a.Bytes("half", []byte{64, 0, 0, 0, 64, 0, 0, 0})
	a.Func(name, "func(first, second, third *int16, src, table *byte, groups int)",
		name+" makes groups*16 samples, groups > 0, of pixels of 3 or 4 bytes.")
	first, second, third := a.Arg("first"), a.Arg("second"), a.Arg("third")
	src, table, groups := a.Arg("src"), a.Arg("table"), a.Arg("groups")
	rounding := gen.Name(a, "half of a 128th", a.ZMM())
	a.VPBROADCASTD(half, rounding)
	a.Loop("loop", groups, 1, func() {
		left := a.GP64()
		a.MOVQ(gen.At(table, 0), left)
		a.ADDQ(operand.U32(64), table)
		var high, low [4]reg.VecVirtual // of the places
		for i := range high {
			high[i], low[i] = a.ZMM(), a.ZMM()
			a.VPXORD(high[i], high[i], high[i])
			a.VMOVDQA64(rounding, low[i])
		}
		a.Loop("round", left, 1, func() {
			for pair := range 2 {
				var windows [2]reg.VecVirtual
				for i := range windows {
					offset := a.GP64()
					a.MOVL(gen.At(table, 384+8*pair+4*i), offset.As32())
					windows[i] = a.ZMM()
					a.VMOVDQU64(operand.Mem{Base: src, Index: offset, Scale: 1}, windows[i])
				}
				wHigh, wLow := a.ZMM(), a.ZMM()
				a.VBROADCASTI64X4(gen.At(table, 256+64*pair), wHigh)
				a.VBROADCASTI64X4(gen.At(table, 288+64*pair), wLow)
				for i := 2 * pair; i < 2*pair+2; i++ {
					bytes := a.ZMM()
					a.VMOVDQU64(gen.At(table, 64*i), bytes)
					a.VPERMI2B(windows[1], windows[0], bytes)
					a.VPDPBUSD(wHigh, bytes, high[i])
					a.VPDPBUSD(wLow, bytes, low[i])
				}
			}
			a.ADDQ(operand.U32(448), table)
		})
		for i := range high {
			a.VPSLLD(operand.U8(8), high[i], high[i])
			a.VPADDD(low[i], high[i], high[i])
			a.VPSRAD(operand.U8(7), high[i], high[i])
			a.VPMOVDW(high[i], low[i].AsY())
		}
		for pair := range 2 {
			a.VMOVDQU(low[2*pair].AsX(), gen.At(first, 16*pair))
			a.VEXTRACTI128(operand.U8(1), low[2*pair].AsY(), gen.At(second, 16*pair))
			a.VMOVDQU(low[2*pair+1].AsX(), gen.At(third, 16*pair))
		}
		for _, dst := range []reg.GPVirtual{first, second, third} {
			a.ADDQ(operand.U8(32), dst)
		}
	})
	a.End()
}
