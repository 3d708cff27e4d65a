package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// forward is what the kernels of Forward for amd64 have in common: where they are, and the way to the coefficients. A
// vector has one block in each 128-bit lane.
type forward struct {
	*gen.Asm
	vector func() reg.VecVirtual
	factor [len(constants)]operand.Op // in all words of a register or of memory

	coefs, masks, src, stride, groups, table, fetch reg.GPVirtual

	stride3, src5 reg.GPVirtual // 3*stride, and 5 strides after src

	zero reg.VecVirtual // of AVX2
}

// begin loads the parameters of a kernel of Forward; groups counts as many blocks as a vector has lanes.
func begin(a *gen.Asm, vector func() reg.VecVirtual, groups string) *forward {
	f := &forward{
		Asm: a, vector: vector, coefs: a.Arg("coefs"), masks: a.Arg("masks"), src: a.Arg("src"), stride: a.Arg("stride"),
		groups: a.Arg(groups), table: a.Arg("table"), fetch: a.Arg("fetch"),
		stride3: gen.Name(a, "3*stride", a.GP64()), src5: gen.Name(a, "src+5*stride", a.GP64()),
	}
	a.LEAQ(operand.Mem{Base: f.stride, Index: f.stride, Scale: 2}, f.stride3)
	a.LEAQ(operand.Mem{Base: f.src, Index: f.stride, Scale: 4}, f.src5)
	a.ADDQ(f.stride, f.src5)
	return f
}

// ahead fetches lines of 64 bytes into the second-level cache: the first has what the coder works on. A loop was faster than all
// of them in a row.
func (f *forward) ahead(n uint32) {
	lines := f.GP32()
	f.MOVL(operand.U32(n), lines)
	f.Loop("fetch", lines.As64().(reg.GPVirtual), 1, func() {
		f.PREFETCHT1(gen.At(f.fetch, 0))
		f.ADDQ(operand.U32(64), f.fetch)
	})
}

// next goes on to the next blocks.
func (f *forward) next(blocks uint32) {
	f.ADDQ(operand.U32(16*blocks), f.src)
	f.ADDQ(operand.U32(16*blocks), f.src5)
	f.ADDQ(operand.U32(128*blocks), f.coefs)
	f.ADDQ(operand.U32(8*blocks), f.masks)
}

func (f *forward) add(x, y operand.Op) operand.Op {
	out := f.vector()
	f.VPADDW(y, x, out)
	return out
}

func (f *forward) sub(x, y operand.Op) operand.Op {
	out := f.vector()
	f.VPSUBW(y, x, out)
	return out
}

func (f *forward) mulhrs(x operand.Op, c constant) operand.Op { return f.multiply(x, f.factor[c]) }

func (f *forward) multiply(x, y operand.Op) reg.VecVirtual {
	out := f.vector()
	f.VPMULHRSW(y, x, out)
	return out
}

func (f *forward) zip(bits int, x, y operand.Op) (low, high operand.Op) {
	l, h := f.vector(), f.vector()
	switch bits {
	case 16:
		f.VPUNPCKLWD(y, x, l)
		f.VPUNPCKHWD(y, x, h)
	case 32:
		f.VPUNPCKLDQ(y, x, l)
		f.VPUNPCKHDQ(y, x, h)
	case 64:
		f.VPUNPCKLQDQ(y, x, l)
		f.VPUNPCKHQDQ(y, x, h)
	}
	return l, h
}

// coefficients transforms and quantizes the blocks at src. Its results are columns.
func (f *forward) coefficients() [8]reg.VecVirtual {
	return f.quantize(transform(f, f.rows(), f.Comment))
}

func (f *forward) quantize(y [8]operand.Op) (columns [8]reg.VecVirtual) {
	f.Comment("Quantize.")
	for u := range y {
		columns[u] = f.multiply(f.multiply(y[u], gen.At(f.table, 64*u)), gen.At(f.table, 512+64*u))
	}
	return columns
}

// rows returns the rows of the blocks: those of the first half in registers, the others in memory.
func (f *forward) rows() (x [8]operand.Op) {
	for i := range x {
		at := operand.Mem{Base: f.src}
		if i >= 5 {
			at.Base = f.src5
		}
		switch i % 5 {
		case 1, 2:
			at.Index, at.Scale = f.stride, uint8(i%5)
		case 3:
			at.Index, at.Scale = f.stride3, 1
		case 4:
			at.Index, at.Scale = f.stride, 4
		}
		x[i] = at
		if i < 4 {
			r := f.vector()
			if r.Size() == 64 {
				f.VMOVDQU16(at, r)
			} else {
				f.VMOVDQU(at, r)
			}
			x[i] = r
		}
	}
	return x
}
