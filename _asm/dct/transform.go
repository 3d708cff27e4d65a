package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// forward is where a kernel of Forward is.
type forward struct {
	*gen.Asm
	coefs, masks, src, stride, groups, table reg.GPVirtual

	stride3, src5 reg.GPVirtual // 3*stride, and 5 strides after src
}

// begin loads the parameters of a kernel of Forward; groups counts as many blocks as a vector has lanes.
func begin(a *gen.Asm, groups string) *forward {
	f := &forward{
		Asm: a, coefs: a.Arg("coefs"), masks: a.Arg("masks"), src: a.Arg("src"), stride: a.Arg("stride"),
		groups: a.Arg(groups), table: a.Arg("table"),
		stride3: gen.Name(a, "3*stride", a.GP64()), src5: gen.Name(a, "src+5*stride", a.GP64()),
	}
	a.LEAQ(operand.Mem{Base: f.stride, Index: f.stride, Scale: 2}, f.stride3)
	a.LEAQ(operand.Mem{Base: f.src, Index: f.stride, Scale: 4}, f.src5)
	a.ADDQ(f.stride, f.src5)
	return f
}

// next goes on to the next blocks.
func (f *forward) next(blocks int) {
	f.ADDQ(operand.U32(16*uint32(blocks)), f.src)
	f.ADDQ(operand.U32(16*uint32(blocks)), f.src5)
	f.ADDQ(operand.U32(128*uint32(blocks)), f.coefs)
	f.ADDQ(operand.U32(8*uint32(blocks)), f.masks)
}

// rows are the rows, or columns, of as many blocks as a vector has 128-bit lanes, one block a lane.
type rows [8]reg.VecVirtual

// transformer writes the steps that are the same for vectors of any length.
type transformer struct {
	*gen.Asm
	vector func() reg.VecVirtual

	// The constants of the transform, in all words of a register or of memory; see lanes.go for what they are.
	c4, c6, c2Sub6, c2Add6 operand.Op
	eighth                 operand.Op // 4096: a factor of 1/8
}

func (t *transformer) add(x, y operand.Op) reg.VecVirtual { // x + y
	out := t.vector()
	t.VPADDW(y, x, out)
	return out
}

func (t *transformer) sub(x, y operand.Op) reg.VecVirtual { // x - y
	out := t.vector()
	t.VPSUBW(y, x, out)
	return out
}

func (t *transformer) mulhrs(x reg.VecVirtual, c operand.Op) reg.VecVirtual {
	out := t.vector()
	t.VPMULHRSW(c, x, out)
	return out
}

// fdct8 is fdct8 of lanes.go, and reference8 of reference_test.go, in words. Half of x may be in memory.
func (t *transformer) fdct8(x [8]operand.Op) rows {
	t0, t7 := t.add(x[0], x[7]), t.sub(x[0], x[7])
	t1, t6 := t.add(x[1], x[6]), t.sub(x[1], x[6])
	t2, t5 := t.add(x[2], x[5]), t.sub(x[2], x[5])
	t3, t4 := t.add(x[3], x[4]), t.sub(x[3], x[4])

	t10, t13 := t.add(t0, t3), t.sub(t0, t3)
	t11, t12 := t.add(t1, t2), t.sub(t1, t2)
	y0, y4 := t.add(t10, t11), t.sub(t10, t11)
	z1 := t.mulhrs(t.add(t12, t13), t.c4)
	y2, y6 := t.add(t13, z1), t.sub(t13, z1)

	t10, t11, t12 = t.add(t4, t5), t.add(t5, t6), t.add(t6, t7)
	z5 := t.mulhrs(t.sub(t10, t12), t.c6)
	z2 := t.add(t.mulhrs(t10, t.c2Sub6), z5)
	z4 := t.add(t.add(t.mulhrs(t12, t.c2Add6), t12), z5)
	z3 := t.mulhrs(t11, t.c4)
	z11, z13 := t.add(t7, z3), t.sub(t7, z3)
	return rows{y0, t.add(z11, z4), y2, t.sub(z13, z2), y4, t.add(z13, z2), y6, t.sub(z11, z4)}
}

// load returns the rows of the blocks at f.src: those of the first half in registers, the others in memory.
func (t *transformer) load(f *forward) (x [8]operand.Op) {
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
			r := t.vector()
			t.loadVector(at, r)
			x[i] = r
		}
	}
	return x
}

func (t *transformer) loadVector(at operand.Mem, r reg.VecVirtual) {
	if r.Size() == 64 {
		t.VMOVDQU16(at, r)
	} else {
		t.VMOVDQU(at, r)
	}
}

// transpose exchanges the rows and columns of each block.
func (t *transformer) transpose(x rows) rows {
	unpack := func(low, high func(...operand.Op), a, b reg.VecVirtual) (reg.VecVirtual, reg.VecVirtual) {
		l, h := t.vector(), t.vector()
		low(b, a, l)
		high(b, a, h)
		return l, h
	}
	var words, quads, out rows
	for i := 0; i < 8; i += 2 { // words[i] has columns 0-3 of rows i and i+1, words[i+1] columns 4-7
		words[i], words[i+1] = unpack(t.VPUNPCKLWD, t.VPUNPCKHWD, x[i], x[i+1])
	}
	for i := range 2 { // quads[4*i+j] has columns 2j and 2j+1 of rows 4i..4i+3
		for j := range 2 {
			quads[4*i+2*j], quads[4*i+2*j+1] = unpack(t.VPUNPCKLDQ, t.VPUNPCKHDQ, words[4*i+j], words[4*i+2+j])
		}
	}
	for j := range 4 {
		out[2*j], out[2*j+1] = unpack(t.VPUNPCKLQDQ, t.VPUNPCKHQDQ, quads[j], quads[4+j])
	}
	return out
}

// coefficients transforms and quantizes the blocks whose rows are in x. Its results are columns.
//
// table is a Table's vectors: two arrays of [8][32]int16.
func (t *transformer) coefficients(x [8]operand.Op, table reg.Register) rows {
	t.Comment("Columns: 2,048 -> 20,600 -> 2,576.")
	y := t.fdct8(x)
	for i := range y {
		y[i] = t.mulhrs(y[i], t.eighth)
	}
	t.Comment("Rows: 2,576 -> 25,900.")
	y = t.transpose(y)
	for i := range y {
		x[i] = y[i]
	}
	y = t.fdct8(x)
	t.Comment("Quantize.")
	for u := range y {
		y[u] = t.mulhrs(y[u], gen.At(table, 64*u))
		y[u] = t.mulhrs(y[u], gen.At(table, 512+64*u))
	}
	return y
}
