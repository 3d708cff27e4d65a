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
	a.Func("flattenAVX512", "func"+flattenSignature, fmt.Sprintf(flattenDoc, "AVX512"), "Slot", "Order")
	w := begin(a, false)
	l := newLister(w)
	w.walk(func(c class) {
		rare, short, listed := c.label("Rare"), c.label("Short"), c.label("Listed")
		w.rare(rare)
		run, place := l.all(c)
		l.symbols(false, run.AsX(), place.AsX(), 0)
		a.Label(string(listed))

		w.aside = append(w.aside, func() {
			a.Label(string(rare))
			w.longRuns(3)
			w.notShort(c.label("NotShort"))
			a.Label(string(short))
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

			a.Label(string(c.label("NotShort")))
			l.largeValues(short)
			run, place = l.all(c)
			w.dc(c, full)
			w.endLarge(c, l.large(c, run, place))
			a.JMP(advance)
		})
	})
}

// lister lists the coefficients of a block.
type lister struct {
	*walker
	indices, before, order reg.VecVirtual    // bytes: 0..63, -1..62 and the Strip's Order
	base                   [2]reg.VecVirtual // 16*class - 1, in all bytes
	step                   reg.VecVirtual    // runStep, in all words
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
	l.step = w.BroadcastW("runStep", runStep)
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
//	Symbol(class*acClassStep + run*runStep + uint(v))
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
	var steps reg.Register = l.step
	if !wide {
		steps = l.step.AsY()
	}
	block := l.ZMM()
	l.VPMOVZXBW(place, values)
	l.VMOVDQU16(gen.At(l.block, 0), block)
	l.VPERMI2W(gen.At(l.block, 64), block, value)
	l.VPMOVZXBW(run, runs)
	l.VPMULLW(steps, runs, runs)
	l.VPADDW(values, runs, runs)
	l.VMOVDQU16(runs, gen.At(l.dst, 2+disp))
}

// largeValues jumps to label where no AC coefficient is above MaxShort: no bit of its absolute value is.
func (l *lister) largeValues(label operand.LabelRef) {
	l.Comment("Values above 511.")
	values, more, above, are := l.ZMM(), l.ZMM(), l.words(-512), l.K()
	l.VPABSW_Z(gen.At(l.block, 0), l.notFirst, values)
	l.VPABSW(gen.At(l.block, 64), more)
	l.VPORQ(values, more, more)
	l.VPTESTMW(above, more, are)
	l.KORTESTD(are, are)
	l.JZ(label)
}

// words returns a value in each word. It is made where it is needed, in code that is seldom run.
func (l *lister) words(value int32) reg.VecVirtual {
	r, z := l.GP32(), l.ZMM()
	l.MOVL(operand.I32(value), r)
	l.VPBROADCASTW(r, z)
	return z
}

// large lists the coefficients of a block where some are above MaxShort, and returns the place of the last symbol. Two
// words are made for each of 16 coefficients, and the second compressed away where the value is short.
//
//	is := uint(v+MaxShort) > 2*MaxShort
//	d[n], d[n+1] = Symbol(class*acClassStep + run*runStep + uint(v)), symRaw10 | (v + v>>31)&1023
//	if is {
//		d[n] = symAC10 + class<<4 + run
//		n++
//	}
//	n++
func (l *lister) large(c class, run, place reg.VecVirtual) (last reg.GPVirtual) {
	l.Comment("Which there are.")
	bits, there := l.GP64(), l.K()
	count := bits
	last = l.GP64()
	l.POPCNTQ(l.mask, count)
	l.MOVQ(operand.I32(-1), last)
	l.BZHIQ(count, last, bits)
	l.KMOVQ(bits, there)
	shortest, most, ac10, raw10, low10 := l.words(maxShort), l.words(2*maxShort), l.words(symAC10), l.words(symRaw10), l.words(1<<10-1)
	l.MOVQ(l.dst, last)
	for part := range 4 {
		l.Comment("Two words for each of 16.")
		p, r := l.XMM(), l.XMM()
		l.VEXTRACTI32X4(operand.U8(part), place, p)
		l.VEXTRACTI32X4(operand.U8(part), run, r)
		value, runs, block := l.ZMM(), l.YMM(), l.ZMM()
		l.VPMOVZXBW(p, value.AsY())
		l.VPMOVZXBW(r, runs)
		l.VMOVDQU16(gen.At(l.block, 0), block)
		l.VPERMI2W(gen.At(l.block, 64), block, value)
		v := value.AsY()
		symbol, low, is := l.YMM(), l.YMM(), l.K()
		l.VPADDW(v, shortest.AsY(), low)
		l.VPCMPUW(operand.U8(6), most.AsY(), low, there, is) // 6: above
		l.VPMULLW(l.step.AsY(), runs, symbol)
		l.VPADDW(v, symbol, symbol)
		l.VPADDW(runs, ac10.AsY(), is, symbol)
		l.VPSRAW(operand.U8(15), v, low)
		l.VPADDW(v, low, low)
		l.VPANDD(low10.AsY(), low, low)
		l.VPORD(raw10.AsY(), low, low)
		words, second := l.ZMM(), l.ZMM()
		l.VPMOVZXWD(symbol, words)
		l.VPMOVZXWD(low, second)
		l.VPSLLD(operand.U8(16), second, second)
		l.VPORD(second, words, words)
		l.Comment("Those that count.")
		seconds, kept, wanted := l.GP32(), l.GP32(), l.K()
		l.KMOVW(is, seconds)
		l.MOVL(operand.U32(0xAAAA_AAAA), kept)
		l.PDEPL(kept, seconds, kept)
		l.ORL(operand.U32(0x5555_5555), kept)
		l.KMOVD(kept, wanted)
		l.VPCOMPRESSW_Z(words, wanted, words)
		l.VMOVDQU16(words, gen.At(last, 2+32*part))
		l.POPCNTL(seconds, seconds)
		l.LEAQ(operand.Mem{Base: last, Index: seconds.As64(), Scale: 2}, last)
		l.KSHIFTRQ(operand.U8(16), there, there)
	}
	l.POPCNTQ(l.mask, count)
	l.LEAQ(operand.Mem{Base: last, Index: count, Scale: 2}, last)
	return last
}
