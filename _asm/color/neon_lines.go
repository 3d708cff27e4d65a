package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

// linesNEON writes what works in place, for whole vectors of 8 samples.
func linesNEON(n *gen.NEON) {
	l := inPlaceNEON{n}
	l.expand()
	l.lumaTo601(false)
	l.lumaTo601(true)
	l.chromaTo601()
	l.toRGB()
}

type inPlaceNEON struct{ *gen.NEON }

// at returns the samples at the address in a register, which stays as it is.
func (l inPlaceNEON) at(register string) gen.V { return l.Op("VLD1 (" + register + "), [V%d.H8]") }

// clamped takes words into low..high.
func (l inPlaceNEON) clamped(v, low, high gen.V) gen.V {
	v = l.OpCode(0x4E606400, "SMAX V%[3]d.8H, V%[1]d.8H, V%[2]d.8H", v, low)
	return l.OpCode(0x4E606C00, "SMIN V%[3]d.8H, V%[1]d.8H, V%[2]d.8H", v, high)
}

// pairSum returns mulhrs(a, wa) + mulhrs(b, wb).
func (l inPlaceNEON) pairSum(a, wa, b, wb gen.V) gen.V {
	return l.Add(l.MulHRS(a, wa), l.MulHRS(b, wb))
}

func (l inPlaceNEON) expand() {
	l.Func("expandNEON", "row *int16, vectors, slope, add, low, high int", `
expandNEON stretches 8*vectors samples, vectors > 0.
	row[i] = min(max(row[i] + mulhrs(row[i], slope) + add, low), high)`)
	slope, add := l.PinParam(28, "R2", "slope"), l.PinParam(29, "R3", "add")
	low, high := l.PinParam(30, "R4", "low"), l.PinParam(31, "R5", "high")
	l.Flush()
	l.Loop("R1", func() {
		v := l.at("R0")
		l.Store("R0", l.clamped(l.Add(v, l.Add(l.MulHRS(v, slope), add)), low, high))
	})
	l.Text("\tRET")
}

func (l inPlaceNEON) lumaTo601(halved bool) {
	name, doc := "lumaTo601NEON", " converts 8*vectors samples of luma with as many of chroma, vectors > 0."
	if halved {
		name, doc = "lumaTo601HalfNEON", " converts 16*vectors samples of luma with half as many of chroma, vectors > 0."
	}
	l.Func(name, "y, cb, cr *int16, vectors, wb, wr int", name+doc+`
	y[x] = min(max(y[x] + mulhrs(cb[x], wb) + mulhrs(cr[x], wr), -2048), 2032)`)
	wb, wr := l.PinParam(28, "R4", "wb"), l.PinParam(29, "R5", "wr")
	low, high := l.PinWords(30, -2048, "-2048"), l.PinWords(31, 2032, "2032")
	l.Flush()
	l.Loop("R3", func() {
		sum := l.pairSum(l.Load("R1"), wb, l.Load("R2"), wr)
		sums := []gen.V{sum}
		if halved {
			sums = []gen.V{l.Op("VZIP1 V%[1]d.H8, V%[1]d.H8, V%[2]d.H8", sum), l.Op("VZIP2 V%[1]d.H8, V%[1]d.H8, V%[2]d.H8", sum)}
		}
		for _, s := range sums {
			l.Store("R0", l.clamped(l.Add(l.at("R0"), s), low, high))
		}
	})
	l.Text("\tRET")
}

func (l inPlaceNEON) chromaTo601() {
	l.Func("chromaTo601NEON", "cb, cr *int16, vectors, wbb, wbr, wrb, wrr int", `
chromaTo601NEON converts 8*vectors samples of each, vectors > 0.
	cb[x], cr[x] = clamp(mulhrs(cb[x], wbb) + mulhrs(cr[x], wbr)), clamp(mulhrs(cb[x], wrb) + mulhrs(cr[x], wrr))
where clamp is to -2040..2040.`)
	wbb, wbr := l.PinParam(26, "R3", "wbb"), l.PinParam(27, "R4", "wbr")
	wrb, wrr := l.PinParam(28, "R5", "wrb"), l.PinParam(29, "R6", "wrr")
	low, high := l.PinWords(30, -2040, "-2040"), l.PinWords(31, 2040, "2040")
	l.Flush()
	l.Loop("R2", func() {
		b, r := l.at("R0"), l.at("R1")
		l.Store("R0", l.clamped(l.pairSum(b, wbb, r, wbr), low, high))
		l.Store("R1", l.clamped(l.pairSum(b, wrb, r, wrr), low, high))
	})
	l.Text("\tRET")
}

func (l inPlaceNEON) toRGB() {
	l.Func("rgbNEON", "y, cb, cr *int16, vectors, rCr, gCb, gCr, bCb int", `
rgbNEON converts 8*vectors samples of Y, Cb and Cr, vectors > 0, to R, G and B in their place.
	y := y[x] + 2048
	r, g, b := y + cr + mulhrs(cr, rCr), y + mulhrs(cb, gCb) + mulhrs(cr, gCr), y + cb + mulhrs(cb, bCb)
Each is clamped to 0..4080.`)
	rCr, gCb := l.PinParam(25, "R4", "rCr"), l.PinParam(26, "R5", "gCb")
	gCr, bCb := l.PinParam(27, "R6", "gCr"), l.PinParam(28, "R7", "bCb")
	mid, zero, top := l.PinWords(29, 2048, "2048"), l.PinWords(30, 0, "0"), l.PinWords(31, 4080, "4080")
	l.Flush()
	l.Loop("R3", func() {
		y, cb, cr := l.Add(l.at("R0"), mid), l.at("R1"), l.at("R2")
		l.Store("R0", l.clamped(l.Add(y, l.Add(cr, l.MulHRS(cr, rCr))), zero, top))
		l.Store("R1", l.clamped(l.Add(y, l.pairSum(cb, gCb, cr, gCr)), zero, top))
		l.Store("R2", l.clamped(l.Add(y, l.Add(cb, l.MulHRS(cb, bCb))), zero, top))
	})
	l.Text("\tRET")
}
