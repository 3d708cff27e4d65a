package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// stuffAVX2 copies 32 bytes at a time; where there is an 0xFF among them, only what is up to it counts.
func stuffAVX2(a *gen.Asm) {
	a.Func("stuffAVX2", "func(dst, src *byte, length int) (n, left int)", `
stuffAVX2 is Kernels.Stuff for all of length >= 32 bytes but the last 31, at most, and says how many bytes it wrote, and
how many of src are left. It may write 32 bytes more than it counts.
	for len(src) >= 32 {
		at := bytes.IndexByte(src[:32], 0xFF)
		copy(dst, src[:32])
		if at < 0 {
			dst, src = dst[32:], src[32:]
		} else {
			dst[at+1] = 0
			dst, src = dst[at+2:], src[at+1:]
		}
	}`)
	dst, src, left := a.Arg("dst"), a.Arg("src"), a.Arg("length")
	ff := gen.Name(a, "0xFF in each byte", a.YMM())
	a.VPCMPEQB(ff, ff, ff)
	const vector, found, end = operand.LabelRef("vector"), operand.LabelRef("found"), operand.LabelRef("end")
	a.Label("vector")
	v, is, at := a.YMM(), a.YMM(), a.GP64()
	a.VMOVDQU(gen.At(src, 0), v)
	a.VMOVDQU(v, gen.At(dst, 0))
	a.VPCMPEQB(v, ff, is)
	a.VPMOVMSKB(is, at.As32())
	a.TESTL(at.As32(), at.As32())
	a.JNZ(found)
	a.ADDQ(operand.U8(32), src)
	a.ADDQ(operand.U8(32), dst)
	a.SUBQ(operand.U8(32), left)
	a.CMPQ(left, operand.U8(32))
	a.JGE(vector)
	a.JMP(end)
	a.Label("found")
	a.TZCNTL(at.As32(), at.As32())
	a.MOVB(operand.U8(0), operand.Mem{Base: dst, Index: at, Scale: 1, Disp: 1})
	a.LEAQ(operand.Mem{Base: dst, Index: at, Scale: 1, Disp: 2}, dst)
	a.INCQ(at)
	a.ADDQ(at, src)
	a.SUBQ(at, left)
	a.CMPQ(left, operand.U8(32))
	a.JGE(vector)
	a.Label("end")
	a.SUBQ(a.ArgAddr("dst"), dst)
	a.Store(dst, a.Return("n"))
	a.Store(left, a.Return("left"))
	a.End()
}
