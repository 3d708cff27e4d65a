package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// flattenBMI lists coefficients one after the other, four without a branch: how many there are is what branch prediction
// gets wrong, and few blocks have more. What it lists beyond them is overwritten.
func flattenBMI(a *gen.Asm) {
	a.Func("flattenAVX2", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX2"), "Slot")
	w := begin(a)
	order := gen.Name(a, "order", a.GP64())
	a.MOVQ(a.ArgAddr("order"), order)
	w.walk(func(c class) {
		rare, more := c.label("Rare"), c.label("More")
		few, listed := c.label("Few"), c.label("Listed")
		w.rare(rare)
		a.Label(string(few))
		l := &coefficients{walker: w, class: c, order: order, rest: a.GP64(), prev: a.GP64()}
		a.Comment("AC.")
		a.MOVQ(w.mask, l.rest)
		for i := range 4 {
			l.list(w.dst, 2+2*i, i == 0)
		}
		a.TESTQ(l.rest, l.rest)
		a.JNZ(more)
		a.Label(string(listed))

		w.aside = append(w.aside, func() {
			a.Label(string(rare))
			w.longRuns()
			w.largeValues(c)
			a.JMP(few)

			a.Label(string(more))
			out := a.GP64()
			a.MOVQ(w.dst, out)
			a.Label(string(c.label("Four")))
			for i := range 4 {
				l.list(out, 10+2*i, false)
			}
			a.ADDQ(operand.U8(8), out)
			a.TESTQ(l.rest, l.rest)
			a.JNZ(c.label("Four"))
			a.JMP(listed)
		})
	})
}

// coefficients are those of a block that are to be listed.
type coefficients struct {
	*walker
	class class
	rest  reg.GPVirtual // of the mask
	order reg.GPVirtual
	prev  reg.GPVirtual // the last index, times 1<<10
}

// list lists the next coefficient, disp bytes after dst.
//
//	k := bits.TrailingZeros64(m)
//	v := int(c[order[k]])
//	run := uint(k - prev - 1)
//	d[n] = Symbol(class<<acClassShift + run<<runShift + uint(v))
func (c *coefficients) list(dst reg.GPVirtual, disp int, first bool) {
	k, v := c.GP64(), c.GP64()
	c.TZCNTQ(c.rest, k)
	c.BLSRQ(c.rest, c.rest)
	c.MOVBLZX(operand.Mem{Base: c.order, Index: k, Scale: 1}, v.As32())
	c.MOVWLSX(operand.Mem{Base: c.block, Index: v, Scale: 2}, v.As32())
	c.SHLL(operand.U8(10), k.As32())
	if !first {
		c.SUBL(c.prev.As32(), v.As32())
	}
	c.MOVL(k.As32(), c.prev.As32())
	c.LEAL(operand.Mem{Base: v, Index: k, Scale: 1, Disp: int(c.class)<<14 - 1<<10}, v.As32())
	c.MOVW(v.As16(), gen.At(dst, disp))
}
