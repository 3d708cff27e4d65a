package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// lines writes what works in place, for whole vectors of 16 samples.
func lines(f *file) {
	expand(f)
	lumaTo601(f)
	chromaTo601(f)
	toRGB(f)
}

// param returns a register with a parameter of one word in all words.
func (f *file) param(name string) reg.VecVirtual {
	v := gen.Name(f.Asm, name, f.vec())
	f.VPBROADCASTW(f.ArgAddr(name), v)
	return v
}

// clamp takes words into low..high.
func (f *file) clamp(v, low, high reg.VecVirtual) {
	f.VPMAXSW(low, v, v)
	f.VPMINSW(high, v, v)
}

func expand(f *file) {
	f.Func("expandAVX2", "func(row *int16, vectors int, slope, add, low, high int16)", `
expandAVX2 stretches 16*vectors samples, vectors > 0.
	row[i] = min(max(row[i] + mulhrs(row[i], slope) + add, low), high)`)
	row, vectors := f.Arg("row"), f.Arg("vectors")
	slope, add, low, high := f.param("slope"), f.param("add"), f.param("low"), f.param("high")
	f.Loop("loop", vectors, 1, func() {
		v, product := f.vec(), f.vec()
		f.move(gen.At(row, 0), v)
		f.VPMULHRSW(slope, v, product)
		f.VPADDW(add, product, product)
		f.VPADDW(product, v, v)
		f.clamp(v, low, high)
		f.move(v, gen.At(row, 0))
		f.ADDQ(operand.U8(32), row)
	})
	f.End()
}

// pairSum returns mulhrs(a, wa) + mulhrs(b, wb).
func (f *file) pairSum(a, wa, b, wb reg.VecVirtual) reg.VecVirtual {
	sum, product := f.vec(), f.vec()
	f.VPMULHRSW(wa, a, sum)
	f.VPMULHRSW(wb, b, product)
	f.VPADDW(product, sum, sum)
	return sum
}

func lumaTo601(f *file) {
	for _, halved := range []bool{false, true} {
		name, doc := "lumaTo601AVX2", "with as many of chroma, vectors > 0."
		if halved {
			name, doc = "lumaTo601HalfAVX2", "with half as many of chroma, vectors > 0 and even."
		}
		f.Func(name, "func(y, cb, cr *int16, vectors int, wb, wr int16)", name+" converts 16*vectors samples of luma "+doc+`
	y[x] = min(max(y[x] + mulhrs(cb[x], wb) + mulhrs(cr[x], wr), -2048), 2032)`)
		y, cb, cr, vectors := f.Arg("y"), f.Arg("cb"), f.Arg("cr"), f.Arg("vectors")
		wb, wr := f.param("wb"), f.param("wr")
		low, high := f.words(-2048, -2048, "-2048"), f.words(2032, 2032, "2032")
		step := uint8(1)
		if halved {
			step = 2
		}
		f.Loop("loop", vectors, step, func() {
			b, r := f.vec(), f.vec()
			f.move(gen.At(cb, 0), b)
			f.move(gen.At(cr, 0), r)
			sums := []reg.VecVirtual{f.pairSum(b, wb, r, wr)}
			if halved {
				s := sums[0]
				f.VPERMQ(operand.U8(0b11_01_10_00), s, s) // unpacking works on halves
				sums = []reg.VecVirtual{f.vec(), f.vec()}
				f.VPUNPCKLWD(s, s, sums[0])
				f.VPUNPCKHWD(s, s, sums[1])
			}
			for i, s := range sums {
				f.VPADDW(gen.At(y, 32*i), s, s)
				f.clamp(s, low, high)
				f.move(s, gen.At(y, 32*i))
			}
			f.ADDQ(operand.U8(32*step), y)
			f.ADDQ(operand.U8(32), cb)
			f.ADDQ(operand.U8(32), cr)
		})
		f.End()
	}
}

func chromaTo601(f *file) {
	f.Func("chromaTo601AVX2", "func(cb, cr *int16, vectors int, wbb, wbr, wrb, wrr int16)", `
chromaTo601AVX2 converts 16*vectors samples of each, vectors > 0.
	cb[x], cr[x] = clamp(mulhrs(cb[x], wbb) + mulhrs(cr[x], wbr)), clamp(mulhrs(cb[x], wrb) + mulhrs(cr[x], wrr))
where clamp is to -2040..2040.`)
	cb, cr, vectors := f.Arg("cb"), f.Arg("cr"), f.Arg("vectors")
	wbb, wbr, wrb, wrr := f.param("wbb"), f.param("wbr"), f.param("wrb"), f.param("wrr")
	low, high := f.words(-2040, -2040, "-2040"), f.words(2040, 2040, "2040")
	f.Loop("loop", vectors, 1, func() {
		b, r := f.vec(), f.vec()
		f.move(gen.At(cb, 0), b)
		f.move(gen.At(cr, 0), r)
		newB, newR := f.pairSum(b, wbb, r, wbr), f.pairSum(b, wrb, r, wrr)
		f.clamp(newB, low, high)
		f.clamp(newR, low, high)
		f.move(newB, gen.At(cb, 0))
		f.move(newR, gen.At(cr, 0))
		f.ADDQ(operand.U8(32), cb)
		f.ADDQ(operand.U8(32), cr)
	})
	f.End()
}

func toRGB(f *file) {
	f.Func("rgbAVX2", "func(y, cb, cr *int16, vectors int, rCr, gCb, gCr, bCb int16)", `
rgbAVX2 converts 16*vectors samples of Y, Cb and Cr, vectors > 0, to R, G and B in their place.
	y := y[x] + 2048
	r, g, b := y + cr + mulhrs(cr, rCr), y + mulhrs(cb, gCb) + mulhrs(cr, gCr), y + cb + mulhrs(cb, bCb)
Each is clamped to 0..4080.`)
	p := [3]reg.GPVirtual{f.Arg("y"), f.Arg("cb"), f.Arg("cr")}
	vectors := f.Arg("vectors")
	rCr, gCb, gCr, bCb := f.param("rCr"), f.param("gCb"), f.param("gCr"), f.param("bCb")
	mid, top := f.words(2048, 2048, "2048"), f.words(4080, 4080, "4080")
	zero := gen.Name(f.Asm, "0", f.vec())
	f.VPXOR(zero, zero, zero)
	f.Loop("loop", vectors, 1, func() {
		y, cb, cr := f.vec(), f.vec(), f.vec()
		f.VPADDW(gen.At(p[0], 0), mid, y)
		f.move(gen.At(p[1], 0), cb)
		f.move(gen.At(p[2], 0), cr)
		g := f.pairSum(cb, gCb, cr, gCr)
		r, b := f.vec(), f.vec()
		f.VPMULHRSW(rCr, cr, r)
		f.VPADDW(cr, r, r)
		f.VPMULHRSW(bCb, cb, b)
		f.VPADDW(cb, b, b)
		for i, v := range []reg.VecVirtual{r, g, b} {
			f.VPADDW(y, v, v)
			f.clamp(v, zero, top)
			f.move(v, gen.At(p[i], 0))
			f.ADDQ(operand.U8(32), p[i])
		}
	})
	f.End()
}
