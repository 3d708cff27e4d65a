package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// bands writes Bands: one band of all lanes at a time.
func bands(a *gen.Asm, level string, lanes int, vector func() reg.VecVirtual) {
	a.Func("bands"+level, "func(dst, spectrum *float32, spans *span, weights *float32, bands int)", fmt.Sprintf(`
bands%s makes bands bands, bands > 0, of %d lanes. A span is the bytes before the first bin, and the number of bins.
	for j := range spans[b].count { dst[b] += weights[j] * spectrum[first+j] }`, level, lanes), "span")
	dst, spectrum, spans, weights, count := a.Arg("dst"), a.Arg("spectrum"), a.Arg("spans"), a.Arg("weights"), a.Arg("bands")
	a.Loop("band", count, 1, func() {
		at, left, sum := a.GP64(), a.GP64(), vector()
		a.MOVQ(gen.At(spans, 0), at)
		a.ADDQ(spectrum, at)
		a.MOVQ(gen.At(spans, 8), left)
		if lanes == 16 {
			a.VPXORD(sum, sum, sum)
		} else {
			a.VXORPS(sum, sum, sum)
		}
		done := a.NewLabel("done")
		a.TESTQ(left, left)
		a.JZ(done)
		a.Loop("tap", left, 1, func() {
			w := vector()
			a.VBROADCASTSS(gen.At(weights, 0), w)
			a.VMULPS(gen.At(at, 0), w, w)
			a.VADDPS(w, sum, sum)
			a.ADDQ(operand.U8(4), weights)
			a.ADDQ(operand.U8(4*lanes), at)
		})
		a.Label(string(done))
		a.VMOVUPS(sum, gen.At(dst, 0))
		a.ADDQ(operand.U8(4*lanes), dst)
		a.ADDQ(operand.U8(16), spans)
	})
	a.End()
}

// polynomial is log0..log8 of internal/kernel/mel.
var polynomial = [...]float32{
	1.4426950216293335, -0.7213473320007324, 0.48091059923171997, -0.36070483922958374, 0.2879183292388916,
	-0.23892034590244293, 0.21566985547542572, -0.20742103457450867, 0.12614846229553223,
}

const rootHalfBits = 0x3f3504f3 // of sqrt(1/2)

// log writes Log, for 8 elements at a time.
func log(a *gen.Asm) {
	a.Func("logAVX2", "func(dst *float32, l *Log, vectors int)", `
logAVX2 replaces 8*vectors elements, vectors > 0, by their logarithms. It is logarithm, in the same order of operations.
Of NaN and Floor, VMAXPS takes Floor: it is the operand that counts when there is no larger one.`, "Log")
	dst, l, vectors := a.Arg("dst"), a.Arg("l"), a.Arg("vectors")
	var fields [5]reg.VecVirtual
	for i, name := range []string{"Floor", "Scale", "Offset", "Min", "Max"} {
		fields[i] = gen.Name(a, name, a.YMM())
		a.VBROADCASTSS(gen.At(l, 4*i), fields[i])
	}
	rootHalf, one := held(a, "sqrt(1/2)", words(a, "rootHalf", rootHalfBits)), held(a, "1", floats(a, "one", 1))
	var poly []operand.Mem
	for i, c := range polynomial {
		poly = append(poly, floats(a, fmt.Sprintf("log%d", i), c))
	}
	a.Loop("loop", vectors, 1, func() {
		x, exponent, bits, p := a.YMM(), a.YMM(), a.YMM(), a.YMM()
		a.VMOVUPS(gen.At(dst, 0), x)
		a.VMAXPS(fields[0], x, x)
		a.VPSUBD(rootHalf, x, exponent)
		a.VPSRAD(operand.U8(23), exponent, exponent)
		a.VPSLLD(operand.U8(23), exponent, bits)
		a.VPSUBD(bits, x, x)
		a.VCVTDQ2PS(exponent, exponent)
		a.VSUBPS(one, x, x)
		a.VMULPS(poly[8], x, p)
		for i := 7; i >= 0; i-- {
			a.VADDPS(poly[i], p, p)
			a.VMULPS(x, p, p)
		}
		a.VADDPS(p, exponent, p)
		a.VMULPS(fields[1], p, p)
		a.VADDPS(fields[2], p, p)
		a.VMAXPS(fields[3], p, p)
		a.VMINPS(fields[4], p, p)
		a.VMOVUPS(p, gen.At(dst, 0))
		a.ADDQ(operand.U8(32), dst)
	})
	a.End()
}

// transpose writes Transpose, for 8 bands of 8 lanes at a time.
func transpose(a *gen.Asm) {
	a.Func("transposeAVX2", "func(dst, src *float32, bands, lanes, eights int)", `
transposeAVX2 puts 8*eights bands, eights > 0, of 8 frames behind each other: rows of so many bands, of lanes.
	dst[f*bands + b] = src[b*lanes + f]`)
	dst, src, row, lanes, eights := a.Arg("dst"), a.Arg("src"), a.Arg("bands"), a.Arg("lanes"), a.Arg("eights")
	a.SHLQ(operand.U8(2), row)
	a.SHLQ(operand.U8(2), lanes)
	row3, row5 := a.GP64(), gen.Name(a, "row 5 of dst", a.GP64())
	a.LEAQ(operand.Mem{Base: row, Index: row, Scale: 2}, row3)
	a.LEAQ(operand.Mem{Base: dst, Index: row, Scale: 4}, row5)
	a.ADDQ(row, row5)
	a.Loop("loop", eights, 1, func() {
		var v, u [8]reg.VecVirtual
		for i := range v { // bands i%4 and i%4+4: in the two halves, frames 0..3 of i < 4, else 4..7
			v[i] = a.YMM()
		}
		half := func(from int) { // four bands into the lower or the upper halves
			for i := range 4 {
				if from == 0 {
					a.VMOVUPS(gen.At(src, 0), v[i].AsX())
					a.VMOVUPS(gen.At(src, 16), v[4+i].AsX())
				} else {
					a.VINSERTF128(operand.U8(1), gen.At(src, 0), v[i], v[i])
					a.VINSERTF128(operand.U8(1), gen.At(src, 16), v[4+i], v[4+i])
				}
				a.ADDQ(lanes, src)
			}
		}
		half(0)
		half(1)
		for i := 0; i < 8; i += 4 {
			for j := range 4 {
				u[j] = a.YMM()
			}
			a.VUNPCKLPS(v[i+1], v[i], u[0])
			a.VUNPCKLPS(v[i+3], v[i+2], u[1])
			a.VUNPCKHPS(v[i+1], v[i], u[2])
			a.VUNPCKHPS(v[i+3], v[i+2], u[3])
			for f := range 4 {
				out := a.YMM()
				if f%2 == 0 {
					a.VUNPCKLPD(u[f/2*2+1], u[f/2*2], out)
				} else {
					a.VUNPCKHPD(u[f/2*2+1], u[f/2*2], out)
				}
				a.VMOVUPS(out, [...]operand.Mem{
					{Base: dst}, {Base: dst, Index: row, Scale: 1}, {Base: dst, Index: row, Scale: 2}, {Base: dst, Index: row3, Scale: 1},
					{Base: dst, Index: row, Scale: 4}, {Base: row5}, {Base: row5, Index: row, Scale: 1}, {Base: row5, Index: row, Scale: 2},
				}[i+f])
			}
		}
		a.ADDQ(operand.U8(32), dst)
		a.ADDQ(operand.U8(32), row5)
	})
	a.End()
}
