package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// flattenAVX512 lists all coefficients of a block at once: VPCOMPRESSB makes the list of their zig-zag indices out of
// the mask, from which all else follows without a branch. Where no index is above 16, there are 16 coefficients at most.
func flattenAVX512(a *gen.Asm) {
	a.Func("flattenAVX512", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX512"), "Slot")
	w := begin(a)
	l := newLister(w)
	w.walk(func(c class) {
		rare, listed := c.label("Rare"), c.label("Listed")
		w.rare(rare)
		run, place := l.all(c)
		l.symbols(false, run.AsX(), place.AsX(), 0)
		a.Label(string(listed))

		w.aside = append(w.aside, func() {
			a.Label(string(rare))
			w.longRuns()
			w.largeValues(c)
			run, place := l.all(c)
			l.symbols(true, run.AsY(), place.AsY(), 0)
			count := w.GP64()
			a.POPCNTQ(w.mask, count)
			a.CMPQ(count, operand.U8(32))
			a.JLS(listed)
			a.VEXTRACTI64X4(operand.U8(1), run, run.AsY())
			a.VEXTRACTI64X4(operand.U8(1), place, place.AsY())
			l.symbols(true, run.AsY(), place.AsY(), 64)
			a.JMP(listed)
		})
	})
}

// lister lists the coefficients of a block.
type lister struct {
	*walker
	indices, before, order reg.VecVirtual    // bytes: 0..63, -1..62 and the Strip's Order
	base                   [2]reg.VecVirtual // 16*class - 1, in all bytes
	notFirst               reg.OpmaskVirtual
}

func newLister(w *walker) *lister {
	l := &lister{walker: w}
	indices, before := make([]byte, 64), make([]byte, 64)
	for i := range indices {
		indices[i], before[i] = byte(i), byte(i-1)
	}
	l.indices, l.before = gen.Name(w.Asm, "0..63", w.ZMM()), gen.Name(w.Asm, "-1..62", w.ZMM())
	w.VMOVDQU8(w.Bytes("indices", indices), l.indices)
	w.VMOVDQU8(w.Bytes("before", before), l.before)
	order := w.GP64()
	l.order = gen.Name(w.Asm, "order", w.ZMM())
	w.MOVQ(w.ArgAddr("order"), order)
	w.VMOVDQU8(gen.At(order, 0), l.order)
	l.base[0], l.base[1] = w.BroadcastB("-1", 0xFF), w.BroadcastB("15", 15)
	ones := w.GP64()
	w.MOVQ(operand.I32(-2), ones)
	l.notFirst = gen.Name(w.Asm, "all bits but one", w.K())
	w.KMOVQ(ones, l.notFirst)
	return l
}

// all returns, in bytes, 16*class + run of each coefficient, and its place.
func (l *lister) all(c class) (run, place reg.VecVirtual) {
	l.Comment("The indices k of the coefficients.")
	bits, k := l.K(), l.ZMM()
	l.KMOVQ(l.mask, bits)
	l.VPCOMPRESSB_Z(l.indices, bits, k)

	l.Comment("k less the k before, or 0 for the DC, is run+1.")
	run, place = l.ZMM(), l.ZMM()
	l.VPERMB(l.order, k, place)
	l.VPERMB_Z(k, l.before, l.notFirst, run)
	l.VPSUBB(run, k, run)
	l.VPADDB(l.base[c], run, run)
	return run, place
}

// symbols stores 16 symbols disp+2 bytes after dst, or 32 of wide vectors: run and place have so many bytes.
//
//	Symbol(class<<acClassShift + run<<runShift + uint(v))
func (l *lister) symbols(wide bool, run, place reg.Register, disp int) {
	words := func() (whole reg.VecVirtual, used reg.Register) {
		whole = l.ZMM()
		if wide {
			return whole, whole
		}
		return whole, whole.AsY()
	}
	l.Comment("Symbols.")
	value, values := words()
	_, runs := words()
	block := l.ZMM()
	l.VPMOVZXBW(place, values)
	l.VMOVDQU16(gen.At(l.block, 0), block)
	l.VPERMI2W(gen.At(l.block, 64), block, value)
	l.VPMOVZXBW(run, runs)
	l.VPSLLW(operand.U8(10), runs, runs)
	l.VPADDW(values, runs, runs)
	l.VMOVDQU16(runs, gen.At(l.dst, 2+disp))
}
