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
	a.Func("flattenAVX2", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX2"), "Slot", "Order")
	w := &bmi{walker: begin(a)}
	order := gen.Name(a, "order", a.GP64())
	a.MOVQ(a.ArgAddr("order"), order)
	w.walk(func(c class) {
		rare, more := c.label("Rare"), c.label("More")
		few, short, listed := c.label("Few"), c.label("Short"), c.label("Listed")
		w.rare(rare)
		a.Label(string(few))
		l := &coefficients{bmi: w, class: c, order: order, rest: a.GP64(), prev: a.GP64()}
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
			w.notShort(c.label("NotShort"))
			a.Label(string(short))
			count := a.GP64()
			a.POPCNTQ(w.mask, count)
			a.CMPQ(count, operand.U8(many))
			a.JLE(few)
			l.listMany()
			a.JMP(listed)

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

			a.Label(string(c.label("NotShort")))
			w.largeValues(short)
			w.dc(c, full)
			w.endLarge(c, l.listLarge())
			a.JMP(advance)
		})
	})
}

// many is how many coefficients a block has at most that are listed one after the other.
const many = 20

// listMany lists the coefficients of a block where there are many, eight zig-zag indices at a time: those that are not zero
// are brought side by side, and their runs, within the eight, come from a table. The first one's goes on from before.
func (l *coefficients) listMany() {
	w := l.bmi
	w.Comment("All coefficients in zig-zag order.")
	sorted := w.AllocLocal(128)
	var columns [8]reg.VecVirtual
	for u := range columns {
		columns[u] = w.YMM()
		w.VBROADCASTI128(gen.At(w.block, 16*u), columns[u])
	}
	for half := range 4 {
		all, some := w.YMM(), w.YMM()
		for u, column := range columns {
			table := gen.At(l.order, orderShuffles+32*(8*half+u))
			if u == 0 {
				w.VPSHUFB(table, column, all)
				continue
			}
			w.VPSHUFB(table, column, some)
			w.VPOR(some, all, all)
		}
		w.VMOVDQU(all, sorted.Offset(32*half))
	}
	w.Comment("Eight at a time.")
	out, index, before := l.prev, l.rest, w.GP64()
	w.MOVQ(w.dst, out)
	w.ORQ(operand.U8(1), w.mask)
	for part := range 8 {
		symbols, run := w.XMM(), w.XMM()
		if part == 0 {
			w.MOVL(operand.U32(1<<16-1<<10), before.As32()) // the DC is not before itself
			w.MOVBLZX(w.mask.As8(), index.As32())
			w.ANDL(operand.I8(-2), index.As32())
		} else {
			rotated := index
			w.RORXQ(operand.U8(8*part), w.mask, rotated)
			w.BSRQ(rotated, before)
			w.XORL(operand.U8(63), before.As32())
			w.SHLL(operand.U8(10), before.As32())
			w.MOVBLZX(rotated.As8(), index.As32())
		}
		w.VMOVD(before.As32(), run)
		w.POPCNTL(index.As32(), before.As32())
		w.SHLL(operand.U8(4), index.As32())
		w.VMOVDQU(sorted.Offset(16*part), symbols)
		w.VPSHUFB(operand.Mem{Base: l.order, Index: index, Scale: 1, Disp: orderPacks}, symbols, symbols)
		w.VPADDW(operand.Mem{Base: l.order, Index: index, Scale: 1, Disp: orderRuns}, symbols, symbols)
		w.VPADDW(run, symbols, symbols)
		if l.class > 0 {
			if w.classes == nil {
				m := w.Words("classes", 8, int16(l.class)<<14)
				w.classes = &m
			}
			w.VPADDW(*w.classes, symbols, symbols)
		}
		w.VMOVDQU(symbols, gen.At(out, 2))
		w.LEAQ(operand.Mem{Base: out, Index: before, Scale: 2}, out)
	}
	w.ANDQ(operand.I8(-2), w.mask)
}

// largeValues jumps to label where no AC coefficient is above MaxShort: no bit of its absolute value is.
func (w *bmi) largeValues(label operand.LabelRef) {
	w.Comment("Values above 511.")
	if w.noDC == nil {
		var noDC [32]byte
		for i := 2; i < len(noDC); i++ {
			noDC[i] = 0xFF
		}
		mask, above := w.Bytes("noDC", noDC[:]), w.Words("above511", 16, -512)
		w.noDC, w.above511 = &mask, &above
	}
	all, part := w.YMM(), w.YMM()
	w.VPABSW(gen.At(w.block, 0), all)
	w.VPAND(*w.noDC, all, all)
	for i := 1; i < 4; i++ {
		w.VPABSW(gen.At(w.block, 32*i), part)
		w.VPOR(part, all, all)
	}
	w.VPTEST(*w.above511, all)
	w.JZ(label)
}

// listLarge lists the coefficients of a block where some are above MaxShort, and returns the place of the last symbol. It
// stores two symbols for each: of a short one the second is overwritten.
//
//	is := uint(v+MaxShort) > 2*MaxShort
//	d[n], d[n+1] = Symbol(class<<acClassShift + run<<runShift + uint(v)), symRaw10 | (v + v>>31)&1023
//	if is {
//		d[n] = symAC10 + class<<4 + run
//		n++
//	}
//	n++
func (l *coefficients) listLarge() (out reg.GPVirtual) {
	w := l.bmi
	next := l.class.label("Large")
	out = w.GP64()
	w.Comment("Both symbols of each coefficient. There are not enough registers.")
	taken := []reg.GPVirtual{w.slot, w.blocks, w.mcu, w.pred}
	room := w.AllocLocal(8 * len(taken))
	for i, r := range taken {
		w.MOVQ(r, room.Offset(8*i))
	}
	k, v, symbol, low := taken[0], taken[1], taken[2], taken[3]
	w.MOVQ(w.dst, out)
	w.MOVQ(w.mask, l.rest)
	w.XORL(l.prev.As32(), l.prev.As32())
	w.Label(string(next))
	w.TZCNTQ(l.rest, k)
	w.BLSRQ(l.rest, l.rest)
	w.MOVBLZX(operand.Mem{Base: l.order, Index: k, Scale: 1}, v.As32())
	w.MOVWLSX(operand.Mem{Base: w.block, Index: v, Scale: 2}, v.As32())
	w.MOVL(v.As32(), low.As32())
	w.SARL(operand.U8(31), low.As32())
	w.ADDL(v.As32(), low.As32())
	w.ANDL(operand.U32(1<<10-1), low.As32())
	w.ORL(operand.U32(symRaw10), low.As32())
	w.MOVW(low.As16(), gen.At(out, 4))
	w.MOVL(k.As32(), symbol.As32())
	w.SUBL(l.prev.As32(), symbol.As32())
	w.MOVL(k.As32(), l.prev.As32())
	w.LEAL(gen.At(symbol, symAC10+int(l.class)<<4-1), low.As32())
	w.SHLL(operand.U8(10), symbol.As32())
	w.LEAL(operand.Mem{Base: v, Index: symbol, Scale: 1, Disp: int(l.class)<<14 - 1<<10}, symbol.As32())
	w.ADDL(operand.U32(maxShort), v.As32())
	w.CMPL(v.As32(), operand.U32(2*maxShort))
	w.CMOVLHI(low.As32(), symbol.As32())
	w.MOVW(symbol.As16(), gen.At(out, 2))
	w.SETHI(k.As8())
	w.MOVBLZX(k.As8(), k.As32())
	w.LEAQ(operand.Mem{Base: out, Index: k, Scale: 2, Disp: 2}, out)
	w.TESTQ(l.rest, l.rest)
	w.JNZ(next)
	for i, r := range taken {
		w.MOVQ(room.Offset(8*i), r)
	}
	return out
}

// bmi is what flattenBMI has in memory beside its arguments.
type bmi struct {
	*walker
	noDC, above511, classes *operand.Mem
}

// coefficients are those of a block that are to be listed.
type coefficients struct {
	*bmi
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
