package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// stuff has no branch: it puts a zero after each of 32 bytes, and compresses away those that are not wanted.
func stuff(a *gen.Asm) {
	a.Func("stuffAVX512", "func(dst, src *byte, vectors int) (n int)", `
stuffAVX512 is Kernels.Stuff for 32*vectors bytes, vectors > 0. It may write up to 2*32 bytes from the last one it
counts on.`)
	dst, src, vectors := a.Arg("dst"), a.Arg("src"), a.Arg("vectors")
	ff := gen.Name(a, "0xFF in each byte", a.YMM())
	a.VPCMPEQB(ff, ff, ff)
	even, odd := gen.Name(a, "the even bits", a.GP64()), gen.Name(a, "the odd bits", a.GP64())
	a.MOVQ(operand.U64(0x5555_5555_5555_5555), even)
	a.MOVQ(operand.U64(0xAAAA_AAAA_AAAA_AAAA), odd)
	a.Loop("vector", vectors, 1, func() {
		pairs, is, kept, n := a.ZMM(), a.K(), a.K(), a.GP64()
		a.VPCMPEQB(gen.At(src, 0), ff, is)
		a.VPMOVZXBW(gen.At(src, 0), pairs)
		a.KMOVD(is, n.As32())
		a.PDEPQ(odd, n, n)
		a.ORQ(even, n)
		a.KMOVQ(n, kept)
		a.VPCOMPRESSB_Z(pairs, kept, pairs)
		a.VMOVDQU8(pairs, gen.At(dst, 0))
		a.POPCNTQ(n, n)
		a.ADDQ(n, dst)
		a.ADDQ(operand.U8(32), src)
	})
	a.SUBQ(a.ArgAddr("dst"), dst)
	a.Store(dst, a.Return("n"))
	a.End()
}
