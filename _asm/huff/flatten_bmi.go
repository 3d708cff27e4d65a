package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// flattenBMI lists coefficients one after the other, four between two branches: how many there are is what branch
// prediction gets wrong. What it lists beyond them is overwritten.
func flattenBMI(a *gen.Asm) {
	a.Func("flattenAVX2", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX2"), "Slot")
	w := begin(a)
	w.walk(func(stop operand.LabelRef) {
		w.longRuns(stop)
		w.largeValues(stop)
		a.Comment("AC: class<<14 + run<<10 is (k - prev) << 10, where prev is the k before + 1 - class<<4.")
		c := &coefficients{walker: w, rest: a.GP64(), order: a.GP64(), out: a.GP64(), prev: a.GP64(), ten: a.GP64()}
		a.MOVQ(a.ArgAddr("order"), c.order)
		a.MOVQ(w.mask, c.rest)
		a.LEAQ(gen.At(w.dst, 2), c.out)
		c.class = w.slotClass()
		a.SHLQ(operand.U8(14), c.class)
		a.NEGQ(c.class)
		a.ADDQ(operand.U32(1<<10), c.class)
		a.MOVQ(c.class, c.prev)
		a.MOVL(operand.U32(10), c.ten.As32())
		a.Label("four")
		for i := range 4 {
			c.list(2 * i)
		}
		a.ADDQ(operand.U8(8), c.out)
		a.TESTQ(c.rest, c.rest)
		a.JNZ(operand.LabelRef("four"))
	})
}

// coefficients are those of a block that are to be listed.
type coefficients struct {
	*walker
	rest  reg.GPVirtual // of the mask
	order reg.GPVirtual
	out   reg.GPVirtual
	prev  reg.GPVirtual // the last index + 1 - 16*class, times 1<<10
	class reg.GPVirtual // (1 - 16*class) << 10
	ten   reg.GPVirtual
}

// list lists the next coefficient, disp bytes after out.
//
//	k := bits.TrailingZeros64(m)
//	v := int(c[order[k]])
//	run := uint(k - prev - 1)
//	d[n] = Symbol(class<<acClassShift + run<<runShift + uint(v))
func (c *coefficients) list(disp int) {
	k, v := c.GP64(), c.GP64()
	c.TZCNTQ(c.rest, k)
	c.BLSRQ(c.rest, c.rest)
	c.MOVBLZX(operand.Mem{Base: c.order, Index: k, Scale: 1}, v.As32())
	c.MOVWLSX(operand.Mem{Base: c.block, Index: v, Scale: 2}, v.As32())
	c.SHLXQ(c.ten, k, k)
	c.SUBL(c.prev.As32(), v.As32())
	c.ADDL(k.As32(), v.As32())
	c.LEAQ(operand.Mem{Base: k, Index: c.class, Scale: 1}, c.prev)
	c.MOVW(v.As16(), gen.At(c.out, disp))
}

// longRuns jumps to stop if a coefficient has none of the 16 coefficients before it, the DC among them, that is not
// zero: the mask's bits are smeared over the 16 above them.
func (w *walker) longRuns(stop operand.LabelRef) {
	w.Comment("Runs of more than 15 zeros.")
	near, shifted := w.GP64(), w.GP64()
	w.MOVQ(w.mask, near)
	w.SHRQ(operand.U8(17), near)
	w.JZ(operand.LabelRef("shortRuns"))
	w.MOVQ(w.mask, near)
	w.ORQ(operand.U8(1), near)
	for _, n := range []uint8{1, 2, 4, 8} {
		w.MOVQ(near, shifted)
		w.SHLQ(operand.U8(n), shifted)
		w.ORQ(shifted, near)
	}
	w.ADDQ(near, near)
	w.ANDNQ(w.mask, near, near)
	w.JNZ(stop)
	w.Label("shortRuns")
}

// largeValues jumps to stop where an AC coefficient may be above maxShort: bits of its absolute value are, or it is not
// zero though the mask says so.
func (w *walker) largeValues(stop operand.LabelRef) {
	w.Comment("Values above 511.")
	var noDC [32]byte
	for i := 2; i < len(noDC); i++ {
		noDC[i] = 0xFF
	}
	all, part := w.YMM(), w.YMM()
	w.VPABSW(gen.At(w.block, 0), all)
	w.VPAND(w.Bytes("noDC", noDC[:]), all, all)
	for i := 1; i < 4; i++ {
		w.VPABSW(gen.At(w.block, 32*i), part)
		w.VPOR(part, all, all)
	}
	w.VPTEST(w.Words("above511", 16, -512), all)
	w.JNZ(stop)
}
