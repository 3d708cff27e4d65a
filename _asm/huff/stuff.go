package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// stuffTable has no branch: a shuffle from a table makes room behind each 0xFF of eight bytes.
func stuffTable(a *gen.Asm) {
	a.Func("stuffAVX2", "func(dst, src *byte, groups int, shuffles *[256][16]uint8) (n int)", `
stuffAVX2 is Kernels.Stuff for 8*groups bytes, groups > 0. shuffles[m] puts a zero behind each of eight bytes that has a bit in m.
It may write up to 2*8 bytes from the last one it counts on.`)
	dst, src, groups, shuffles := a.Arg("dst"), a.Arg("src"), a.Arg("groups"), a.Arg("shuffles")
	ff := gen.Name(a, "0xFF in each byte", a.XMM())
	a.VPCMPEQB(ff, ff, ff)
	a.Loop("group", groups, 1, func() {
		bytes, is, m, n := a.XMM(), a.XMM(), a.GP64(), a.GP64()
		a.VMOVQ(gen.At(src, 0), bytes)
		a.ADDQ(operand.U8(8), src)
		a.VPCMPEQB(ff, bytes, is)
		a.VPMOVMSKB(is, m.As32())
		a.SHLL(operand.U8(4), m.As32())
		a.VPSHUFB(operand.Mem{Base: shuffles, Index: m, Scale: 1}, bytes, bytes)
		a.VMOVDQU(bytes, gen.At(dst, 0))
		a.POPCNTL(m.As32(), n.As32())
		a.LEAQ(operand.Mem{Base: dst, Index: n, Scale: 1, Disp: 8}, dst)
	})
	a.SUBQ(a.ArgAddr("dst"), dst)
	a.Store(dst, a.Return("n"))
	a.End()
}

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
