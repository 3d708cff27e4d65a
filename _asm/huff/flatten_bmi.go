package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// flattenBMI lists the coefficients of a block eight zig-zag indices at a time, without a branch on how many there are, which
// branch prediction would get wrong: first those below 16, and where there are others, all below 32 or all.
func flattenBMI(a *gen.Asm) {
	a.Func("flattenAVX2", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX2"), "Slot", "Order")
	w := &bmi{walker: begin(a, true)}
	order := gen.Name(a, "order", a.GP64())
	a.MOVQ(a.ArgAddr("order"), order)
	index, before, out := a.GP64(), a.GP64(), a.GP64()
	w.walk(func(c class) {
		l := &coefficients{bmi: w, class: c, order: order, index: index, before: before, out: out}
		short, listed, many := c.label("Short"), c.label("Listed"), c.label("Many")
		notShort := c.label("NotShort")
		w.notShort(notShort)
		a.Label(string(short))
		a.Comment("AC, of indices below 16.")
		l.loadFirst()
		l.list(0, false)
		w.CMPQ(w.mask, operand.U32(1<<16))
		w.JCC(many)
		a.Label(string(listed))

		w.aside = append(w.aside, func() {
			all := c.label("All")
			a.Label(string(many))
			l.loadColumn(6)
			l.loadColumn(7)
			a.MOVQ(w.mask, index)
			a.SHRQ(operand.U8(32), index)
			a.JNZ(all)
			w.longRuns(1)
			a.Comment("AC, of indices below 32.")
			w.INCQ(w.mask) // the DC
			l.list(1, true)
			w.DECQ(w.mask)
			a.JMP(listed)

			a.Label(string(all))
			w.longRuns(3)
			a.Comment("AC, all others.")
			w.INCQ(w.mask)
			l.list(1, false)
			l.list(2, false)
			l.list(3, true)
			w.DECQ(w.mask)
			a.JMP(listed)

			a.Label(string(notShort))
			large := c.label("Above511")
			w.largeValues(large)
			w.JMP(short)
			a.Label(string(large))
			w.longRuns(3)
			w.dc(c, full)
			w.endLarge(c, l.listLarge())
			a.JMP(advance)
		})
	})
}

// loadFirst loads the columns of the first quarter of a block.
func (l *coefficients) loadFirst() {
	for u := range 8 {
		if inQuarter(0, u) {
			l.loadColumn(u)
		}
	}
	l.MOVQ(l.dst, l.out)
}

// loadColumn loads column u into both halves of a register.
func (l *coefficients) loadColumn(u int) {
	l.columns[u] = l.YMM()
	l.VBROADCASTI128(gen.At(l.block, 16*u), l.columns[u])
}

// list lists the coefficients of a quarter of a block, 16 zig-zag indices: they are put in order, and of eight at
// a time those that are not zero are brought side by side. Their runs, within the eight, come from a table. The first one's goes
// on from before: with the mask turned so that its index is 0, the leading zeros tell how far that before it is away. The mask
// has a bit for the DC unless the quarter is the first.
func (l *coefficients) list(quarter int, last bool) {
	w := l.bmi
	sorted := l.sort(quarter)
	l.pack(sorted.AsX(), 2*quarter, false)
	upper := w.XMM()
	w.VEXTRACTI128(operand.U8(1), sorted, upper)
	l.pack(upper, 2*quarter+1, last)
}

// inQuarter tells whether any of zig-zag indices 16*quarter.. may be in column u of a block, as quarterColumns of
// internal/kernel/huff does.
func inQuarter(quarter, u int) bool {
	return [...]uint8{0b0011_1111, 0xFF, 0xFF, 0b1111_1100}[quarter]>>u&1 != 0
}

// sort returns the coefficients of 16 zig-zag indices, for chroma with what its symbols have.
func (l *coefficients) sort(quarter int) reg.VecVirtual {
	w := l.bmi
	sorted := w.YMM()
	first := true
	for u, column := range l.columns {
		if !inQuarter(quarter, u) {
			continue
		}
		table := gen.At(l.order, orderShuffles+32*(8*quarter+u))
		if first {
			w.VPSHUFB(table, column, sorted)
			first = false
			continue
		}
		some := w.YMM()
		w.VPSHUFB(table, column, some)
		w.VPOR(some, sorted, sorted)
	}
	if l.class > 0 {
		if w.classes == nil {
			m := w.Words("classes", 16, int16(l.class)*acClassStep)
			w.classes = &m
		}
		w.VPADDW(*w.classes, sorted, sorted)
	}
	return sorted
}

// pack lists the coefficients of a part of eight, from 2 bytes after out on, and moves out on to the next part unless there is none.
func (l *coefficients) pack(values reg.Register, part int, last bool) {
	w := l.bmi
	symbols, run := w.XMM(), w.XMM()
	if part == 0 {
		w.MOVBLZX(w.mask.As8(), l.index.As32())
	} else {
		mask := w.mask
		if part == 1 {
			mask = l.index
			w.LEAQ(gen.At(w.mask, 1), mask) // the DC
		}
		w.RORXQ(operand.U8(8*part), mask, l.index)
		w.LZCNTQ(l.index, l.before)
		w.MOVBLZX(l.index.As8(), l.index.As32())
		w.VMOVD(operand.Mem{Base: l.order, Index: l.before, Scale: 4, Disp: orderGaps}, run)
	}
	if !last {
		w.POPCNTL(l.index.As32(), l.before.As32())
	}
	w.SHLL(operand.U8(5), l.index.As32())
	w.VPSHUFB(operand.Mem{Base: l.order, Index: l.index, Scale: 1, Disp: orderPacks}, values, symbols)
	w.VPADDW(operand.Mem{Base: l.order, Index: l.index, Scale: 1, Disp: orderRuns}, symbols, symbols)
	if part > 0 {
		w.VPADDW(run, symbols, symbols)
	}
	w.VMOVDQU(symbols, gen.At(l.out, 2))
	if !last {
		w.LEAQ(operand.Mem{Base: l.out, Index: l.before, Scale: 2}, l.out)
	}
}

// largeValues jumps to label where some AC coefficient is above MaxShort: a bit of its absolute value is.
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
	w.JNZ(label)
}

// listLarge lists the coefficients of a block where some are above MaxShort, and returns the place of the last symbol. It
// stores two symbols for each: of a short one the second is overwritten.
//
//	is := uint(v+MaxShort) > 2*MaxShort
//	d[n], d[n+1] = Symbol(class*acClassStep + run*runStep + uint(v)), symRaw10 | (v + v>>31)&1023
//	if is {
//		d[n] = symAC10 + class<<4 + run
//		n++
//	}
//	n++
func (l *coefficients) listLarge() (out reg.GPVirtual) {
	w := l.bmi
	next := l.class.label("Large")
	out = l.out
	w.Comment("Both symbols of each coefficient. There are not enough registers.")
	taken, rest, prev := []reg.GPVirtual{w.slot, w.nextMask, w.mcu, w.pred}, l.index, l.before
	room := w.AllocLocal(8 * len(taken))
	for i, r := range taken {
		w.MOVQ(r, room.Offset(8*i))
	}
	k, v, symbol, low := taken[0], taken[1], taken[2], taken[3]
	w.MOVQ(w.dst, out)
	w.MOVQ(w.mask, rest)
	w.XORL(prev.As32(), prev.As32())
	w.Label(string(next))
	w.TZCNTQ(rest, k)
	w.BLSRQ(rest, rest)
	w.MOVBLZX(operand.Mem{Base: l.order, Index: k, Scale: 1}, v.As32())
	w.MOVWLSX(operand.Mem{Base: w.block, Index: v, Scale: 2}, v.As32())
	w.MOVL(v.As32(), low.As32())
	w.SARL(operand.U8(31), low.As32())
	w.ADDL(v.As32(), low.As32())
	w.ANDL(operand.U32(1<<10-1), low.As32())
	w.ORL(operand.U32(symRaw10), low.As32())
	w.MOVW(low.As16(), gen.At(out, 4))
	w.MOVL(k.As32(), symbol.As32())
	w.SUBL(prev.As32(), symbol.As32())
	w.MOVL(k.As32(), prev.As32())
	w.LEAL(gen.At(symbol, symAC10+int(l.class)<<4-1), low.As32())
	w.IMUL3L(operand.U32(runStep), symbol.As32(), symbol.As32())
	w.LEAL(operand.Mem{Base: v, Index: symbol, Scale: 1, Disp: int(l.class)*acClassStep - runStep}, symbol.As32())
	w.ADDL(operand.U32(maxShort), v.As32())
	w.CMPL(v.As32(), operand.U32(2*maxShort))
	w.CMOVLHI(low.As32(), symbol.As32())
	w.MOVW(symbol.As16(), gen.At(out, 2))
	w.SETHI(k.As8())
	w.MOVBLZX(k.As8(), k.As32())
	w.LEAQ(operand.Mem{Base: out, Index: k, Scale: 2, Disp: 2}, out)
	w.TESTQ(rest, rest)
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
	order reg.GPVirtual

	index, before, out reg.GPVirtual // free between blocks

	columns [8]reg.VecVirtual
}
