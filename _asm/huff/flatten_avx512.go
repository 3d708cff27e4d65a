package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// flattenAVX512 lists all coefficients of a block at once: VPCOMPRESSB makes the list of their zig-zag indices out of
// the mask, from which all else follows without a branch.
func flattenAVX512(a *gen.Asm) {
	a.Func("flattenAVX512", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX512"), "Slot")
	w := begin(a)
	l := newLister(w)
	w.walk(func(stop operand.LabelRef) {
		run, place, long := l.all()
		const listed = operand.LabelRef("listed")
		large := l.half(run.AsY(), place.AsY(), 0)
		a.KORQ(large, long, long)
		a.CMPQ(l.count, operand.U8(32))
		a.JLS(listed)
		a.VEXTRACTI64X4(operand.U8(1), run, run.AsY())
		a.VEXTRACTI64X4(operand.U8(1), place, place.AsY())
		a.KSHIFTRQ(operand.U8(32), l.valid, l.valid)
		large = l.half(run.AsY(), place.AsY(), 64)
		a.KORQ(large, long, long)
		a.Label("listed")
		a.KORTESTQ(long, long)
		a.JNZ(stop)
	})
}

// lister lists the coefficients of a block.
type lister struct {
	*walker
	indices, before, order reg.VecVirtual // bytes: 0..63, -1..62 and the Strip's Order
	sixteen, above511      reg.VecVirtual
	notFirst               reg.OpmaskVirtual
	count                  reg.GPVirtual
	valid                  reg.OpmaskVirtual // as many bits as there are coefficients
}

func newLister(w *walker) *lister {
	l := &lister{walker: w, count: gen.Name(w.Asm, "count", w.GP64()), valid: w.K()}
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
	l.sixteen, l.above511 = w.BroadcastB("16", 16), w.BroadcastW("the bits above 511", 0xFE00)
	ones := w.GP64()
	w.MOVQ(operand.I32(-2), ones)
	l.notFirst = gen.Name(w.Asm, "all bits but one", w.K())
	w.KMOVQ(ones, l.notFirst)
	return l
}

// all returns, in bytes, 16*class + run of each coefficient, its place, and a bit where the run is above maxRun.
func (l *lister) all() (run, place reg.VecVirtual, long reg.OpmaskVirtual) {
	l.Comment("The indices k of the coefficients, and valid, as many bits as there are.")
	bits, ones, k := l.K(), l.GP64(), l.ZMM()
	l.KMOVQ(l.mask, bits)
	l.VPCOMPRESSB_Z(l.indices, bits, k)
	l.POPCNTQ(l.mask, l.count)
	l.MOVQ(operand.I32(-1), ones)
	l.BZHIQ(l.count, ones, ones)
	l.KMOVQ(ones, l.valid)

	l.Comment("k less the k before, or 0 for the DC, is run+1.")
	run, place, long = l.ZMM(), l.ZMM(), l.K()
	l.VPERMB(l.order, k, place)
	l.VPERMB_Z(k, l.before, l.notFirst, run)
	l.VPSUBB(run, k, run)
	l.VPCMPUB(operand.U8(6), l.sixteen, run, l.valid, long)

	class, base := l.slotClass(), l.ZMM()
	l.SHLL(operand.U8(4), class.As32())
	l.DECL(class.As32())
	l.VPBROADCASTB(class.As32(), base)
	l.VPADDB(base, run, run)
	return run, place, long
}

// half stores 32 symbols disp+2 bytes after dst, and returns a bit for each value above maxShort.
//
//	Symbol(class<<acClassShift + run<<runShift + uint(v))
func (l *lister) half(run, place reg.Register, disp int) reg.OpmaskVirtual {
	l.Comment("32 symbols.")
	v, symbols, size, large := l.ZMM(), l.ZMM(), l.ZMM(), l.K()
	l.VPMOVZXBW(place, v)
	l.VMOVDQU16(gen.At(l.block, 0), symbols)
	l.VPERMI2W(gen.At(l.block, 64), symbols, v)
	l.VPABSW(v, size)
	l.VPTESTMW(l.above511, size, l.valid, large)
	l.VPMOVZXBW(run, symbols)
	l.VPSLLW(operand.U8(10), symbols, symbols)
	l.VPADDW(v, symbols, symbols)
	l.VMOVDQU16(symbols, gen.At(l.dst, 2+disp))
	return large
}
