package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// avx2 writes Forward for pairs of blocks, in two loops: a pair is a long chain of operations that wait for each other, and more of
// them than a processor looks ahead (of AMD Zen 3: 128 in its schedulers), so that nothing of the next pair begins before this one is
// nearly done. Halves of the chain are short enough for two pairs at a time. What lies between them is where the coefficients will be.
func avx2(a *gen.Asm) {
	a.Func("forwardAVX2", "func(coefs *[64]int16, masks *uint64, src *int16, stride, pairs int, table *[2][8][32]int16, fetch *byte)", `
forwardAVX2 is Kernels.Forward for 2*pairs blocks, pairs > 0. stride is in bytes. It transforms one block in each
128-bit lane, first all columns, then all rows, and fetches 128 bytes of fetch for each pair.`)
	f := begin(a, a.YMM, "pairs")
	for c, v := range constants {
		f.factor[c] = a.Words(v.name, 16, int16(v.value))
	}
	f.zero = gen.Name(a, "zero", a.YMM())
	a.VPXOR(f.zero, f.zero, f.zero)
	f.columns()
	places, pairs := f.zigzag()
	// The masks of a pair are made in the middle of the next one: those before the first lie where the first pair's will.
	flags, next := gen.Name(a, "flags of the pair before", a.YMM()), gen.Name(a, "masks of this pair", a.GP64())
	a.VMOVDQU(f.zero, flags)
	a.MOVQ(f.masks, next)
	a.Loop("rows", f.groups, 1, func() {
		y := fdct8(f, f.halfway())
		f.storeMasks(flags, places, pairs)
		a.MOVQ(next, f.masks)
		a.ADDQ(operand.U32(16), next)
		columns := f.quantize(y)
		f.store(columns)
		a.VMOVDQU(f.flags(columns), flags)
		a.ADDQ(operand.U32(256), f.coefs)
	})
	f.storeMasks(flags, places, pairs)
	a.End()
}

// columns transforms the columns of all pairs, and stores them as rows, in 32 bytes of the coefficients each.
func (f *forward) columns() {
	pairs, to := gen.Name(f.Asm, "pairs of columns", f.GP64()), gen.Name(f.Asm, "rows", f.GP64())
	f.MOVQ(f.groups, pairs)
	f.MOVQ(f.coefs, to)
	f.Loop("columns", pairs, 1, func() {
		f.ahead(2)
		for i, v := range columns(f, f.rows(), f.Comment) {
			f.VMOVDQU(v, gen.At(to, 32*i))
		}
		f.ADDQ(operand.U32(32), f.src)
		f.ADDQ(operand.U32(32), f.src5)
		f.ADDQ(operand.U32(256), to)
	})
}

// halfway loads what columns has stored. In memory, a row would be loaded twice.
func (f *forward) halfway() (x [8]operand.Op) {
	for i := range x {
		v := f.vector()
		f.VMOVDQU(gen.At(f.coefs, 32*i), v)
		x[i] = v
	}
	return x
}

// store stores the columns of two blocks, those of the second block first, its last column before all others, so that
// what whole vectors write of the other block is overwritten: an upper lane alone would have to be moved down first.
func (f *forward) store(y [8]reg.VecVirtual) {
	for u := 7; u >= 0; u-- {
		f.VMOVDQU(y[u], gen.At(f.coefs, 128+16*u-16))
	}
	for u := range 7 {
		f.VMOVDQU(y[u], gen.At(f.coefs, 16*u))
	}
	f.VMOVDQU(y[7].AsX(), gen.At(f.coefs, 16*7))
}

// flags returns which of the coefficients y of two blocks are not zero.
func (f *forward) flags(y [8]reg.VecVirtual) reg.VecVirtual {
	f.Comment("Which coefficients are not zero: bit i of byte 8*j+v of a lane is for that at v of column 2*i+j.")
	var flags [4]reg.VecVirtual
	for i := range flags {
		flags[i] = f.vector()
		f.VPACKSSWB(y[2*i+1], y[2*i], flags[i])
		f.VPCMPEQB(f.zero, flags[i], flags[i])
		f.VPANDN(f.Bytes(fmt.Sprintf("bit%d", i), bytes.Repeat([]byte{1 << i}, 32)), flags[i], flags[i])
	}
	f.VPOR(flags[1], flags[0], flags[0])
	f.VPOR(flags[3], flags[2], flags[2])
	f.VPOR(flags[2], flags[0], flags[0])
	return flags[0]
}

// storeMasks stores the masks of two blocks. One shuffle finds the flags of coefficients whatever their columns, and one
// bit of what it has found is the coefficient's.
func (f *forward) storeMasks(flags reg.VecVirtual, places, pairs [2]operand.Mem) {
	f.Comment("Masks: flags in zig-zag order, 32 at a time.")
	for block, lanes := range []uint8{0b01_00_01_00, 0b11_10_11_10} {
		both := f.vector()
		f.VPERMQ(operand.U8(lanes), flags, both)
		var bits [2]reg.GPVirtual
		for i := range bits {
			v := f.vector()
			f.VPSHUFB(places[i], both, v)
			f.VPAND(pairs[i], v, v)
			f.VPCMPEQB(pairs[i], v, v)
			bits[i] = f.GP64()
			f.VPMOVMSKB(v, bits[i].As32())
		}
		f.SHLQ(operand.U8(32), bits[1])
		f.ORQ(bits[1], bits[0])
		f.MOVQ(bits[0], gen.At(f.masks, 8*block))
	}
}

// zigzag returns memory that has, for the first and the second 32 zig-zag indices, the byte in a lane of flags, and the bit in it.
// The DC is none of them.
func (f *forward) zigzag() (places, pairs [2]operand.Mem) {
	for half := range places {
		place, pair := make([]byte, 32), make([]byte, 32)
		for i := range place {
			at := order[32*half+i]
			place[i], pair[i] = at%16, 1<<(at/16)
		}
		if half == 0 {
			place[0] = 0x80 // a zero
		}
		places[half], pairs[half] = f.Bytes(fmt.Sprintf("places%d", half), place), f.Bytes(fmt.Sprintf("pairs%d", half), pair)
	}
	return places, pairs
}
