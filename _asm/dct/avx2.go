package main

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// avx2 writes Forward for pairs of blocks. It is unrolled because a block is all of the registers.
func avx2(a *gen.Asm) {
	a.Func("forwardAVX2", "func(coefs *[64]int16, masks *uint64, src *int16, stride, pairs int, table *[2][8][32]int16)", `
forwardAVX2 is Kernels.Forward for 2*pairs blocks, pairs > 0. stride is in bytes. It transforms one block in each
128-bit lane.`)
	f := begin(a, a.YMM, "pairs")
	for c, v := range constants {
		f.factor[c] = a.Words(v.name, 16, int16(v.value))
	}
	a.Loop("pair", f.groups, 1, func() {
		y := f.coefficients()
		for u, r := range y {
			a.VMOVDQU(r.AsX(), gen.At(f.coefs, 16*u))
			a.VEXTRACTI128(operand.U8(1), r, gen.At(f.coefs, 128+16*u))
		}
		f.storeMasks(y)
		f.next(2)
	})
	a.End()
}

// storeMasks stores which of the coefficients y of two blocks are not zero, in zig-zag order, without the DC.
func (f *forward) storeMasks(y [8]reg.VecVirtual) {
	f.Comment("Masks: words become bytes that are zero where the words are, then are put into zig-zag order.")
	var columns [4]reg.VecVirtual // 2i and 2i+1
	for i := range columns {
		columns[i] = f.vector()
		f.VPACKSSWB(y[2*i+1], y[2*i], columns[i])
	}
	var ordered [4]reg.VecVirtual // zig-zag indices 16i..16i+15
	for i := range ordered {
		for j := range columns {
			shuffle, used := zigzagShuffle(i, j)
			if !used {
				continue
			}
			part := f.vector()
			f.VPSHUFB(shuffle.memory(f.Asm), columns[j], part)
			if ordered[i] == nil {
				ordered[i] = part
			} else {
				f.VPOR(part, ordered[i], ordered[i])
			}
		}
	}
	zero := f.vector()
	f.VPXOR(zero, zero, zero)
	for block, halves := range []uint8{0x20, 0x31} {
		var bits [2]reg.GPVirtual
		for i := range bits {
			v := f.vector()
			f.VPERM2I128(operand.U8(halves), ordered[2*i+1], ordered[2*i], v)
			f.VPCMPEQB(zero, v, v)
			bits[i] = f.GP64()
			f.VPMOVMSKB(v, bits[i].As32())
		}
		f.SHLQ(operand.U8(32), bits[1])
		f.ORQ(bits[1], bits[0])
		f.NOTQ(bits[0])
		f.ANDQ(operand.I8(-2), bits[0])
		f.MOVQ(bits[0], gen.At(f.masks, 8*block))
	}
}

// shuffle is the operand of a VPSHUFB, the same for each lane.
type shuffle struct {
	name  string
	bytes [16]byte
}

// zigzagShuffle returns the shuffle that puts coefficients of columns 2*from and 2*from+1 where they belong among
// zig-zag indices 16*to..16*to+15, zeros elsewhere, and whether there are any.
func zigzagShuffle(to, from int) (s shuffle, used bool) {
	s.name = "zigzag" + string(rune('0'+to)) + string(rune('0'+from))
	for i := range s.bytes {
		s.bytes[i] = 0x80
		if at := int(order[16*to+i]); at/16 == from {
			s.bytes[i], used = byte(at%16), true
		}
	}
	return s, used
}

// memory returns s twice, for the two lanes of a YMM register.
func (s shuffle) memory(a *gen.Asm) operand.Mem {
	return a.Bytes(s.name, slices.Concat(s.bytes[:], s.bytes[:]))
}
