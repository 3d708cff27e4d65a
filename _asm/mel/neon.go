package main

import (
	"fmt"
	"math"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// neonKernels is the kernels for NEON: four floats at a time along memory, and eight lanes of bands.
type neonKernels struct{ *gen.NEON }

func neon(n *gen.NEON) {
	k := neonKernels{n}
	k.condition()
	k.pcm16()
	k.bands()
	k.log()
	k.dot()
}

func (k neonKernels) add(x, y gen.V) gen.V {
	return k.OpCode(0x4E20D400, "FADD V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

// addTo adds y to a pinned vector.
func (k neonKernels) addTo(sum, y gen.V) {
	k.SetCode(sum, 0x4E20D400, "FADD V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", sum, y)
}

func (k neonKernels) sub(x, y gen.V) gen.V {
	return k.OpCode(0x4EA0D400, "FSUB V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

func (k neonKernels) mul(x, y gen.V) gen.V {
	return k.OpCode(0x6E20DC00, "FMUL V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

// greater returns ones where x > y, and zeros where it is not, or where one of them is NaN.
func (k neonKernels) greater(x, y gen.V) gen.V {
	return k.OpCode(0x6EA0E400, "FCMGT V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

// unless sets x to y where a mask has zeros.
func (k neonKernels) unless(mask, x, y gen.V) {
	k.Do("VBIF V%[3]d.B16, V%[2]d.B16, V%[1]d.B16", x, y, mask)
}

// float pins a number in all lanes. It overwrites R15.
func (k neonKernels) float(number int, value float32) gen.V {
	v := k.Pin(number)
	k.Set(v, fmt.Sprintf("MOVD $0x%08x, R15; VDUP R15, V%%d.S4 // %v", math.Float32bits(value), value))
	return v
}

// param pins the low 32 bits of a general register in all lanes.
func (k neonKernels) param(number int, register, name string) gen.V {
	v := k.Pin(number)
	k.Set(v, "VDUP "+register+", V%d.S4 // "+name)
	return v
}

func (k neonKernels) condition() {
	k.Func("conditionNEON", "dst, src *float32, vectors, scale, coef int", `
conditionNEON makes 4*vectors samples, vectors > 0. scale and coef are the bits of a float32.
	dst[i] = clean(src[i+1])*scale - coef*(clean(src[i])*scale)`)
	scale, coef := k.param(28, "R3", "scale"), k.param(29, "R4", "coef")
	high, low, small := k.float(30, limit), k.float(31, -limit), k.float(27, least)
	k.Flush()
	k.Text("\tADD $4, R1, R5")
	clean := func(x gen.V) gen.V {
		counts := k.OpCode(0x6E20EC00, "FACGE V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, small) // of magnitudes
		x = k.Op("VAND V%[2]d.B16, V%[1]d.B16, V%[3]d.B16", x, counts)
		x = k.OpCode(0x4EA0F400, "FMIN V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, high)
		x = k.OpCode(0x4E20F400, "FMAX V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, low)
		return k.mul(x, scale)
	}
	k.Loop("R2", func() {
		this, before := clean(k.Load("R5")), clean(k.Load("R1"))
		k.Store("R0", k.sub(this, k.mul(before, coef)))
	})
	k.Text("\tRET")
}

func (k neonKernels) pcm16() {
	k.Func("pcm16NEON", "dst *float32, src *byte, vectors int", `
pcm16NEON makes 4*vectors samples, vectors > 0.
	dst[i] = float32(int16(src[2*i], src[2*i+1])) / (1 << 15)`)
	fraction := k.float(31, 1.0/(1<<15))
	k.Flush()
	k.Loop("R2", func() {
		v := k.Op("FMOVD.P 8(R1), F%d")
		v = k.OpCode(0x0F10A400, "SSHLL V%[2]d.4S, V%[1]d.4H, #0", v)
		v = k.OpCode(0x4E21D800, "SCVTF V%[2]d.4S, V%[1]d.4S", v)
		k.Store("R0", k.mul(v, fraction))
	})
	k.Text("\tRET")
}

func (k neonKernels) bands() {
	k.Func("bandsNEON", "dst, spectrum *float32, spans *span, weights *float32, bands int", `
bandsNEON makes bands bands, bands > 0, of 8 lanes. A span is the bytes before the first bin, and the number of bins.
	for j := range spans[b].count { dst[b] += weights[j] * spectrum[first+j] }`)
	sums := [2]gen.V{k.Pin(0), k.Pin(1)}
	powers := [2]gen.V{k.Pin(2), k.Pin(3)}
	k.Loop("R4", func() {
		k.Do("MOVD.P 8(R2), R5; ADD R1, R5; MOVD.P 8(R2), R6")
		for _, sum := range sums {
			k.Set(sum, "VMOVI $0, V%d.B16")
		}
		k.Flush()
		k.Text("\tCBZ R6, done\n\ntap:")
		w := k.Op("VLD1R.P 4(R3), [V%d.S4]")
		k.Do("VLD1.P 32(R5), [V2.S4, V3.S4]")
		for i, sum := range sums {
			k.addTo(sum, k.mul(w, powers[i]))
		}
		k.Flush()
		k.Text("\tSUBS $1, R6\n\tBNE tap\n\ndone:")
		k.Do("VST1.P [V0.S4, V1.S4], 32(R0)")
	})
	k.Text("\tRET")
}

func (k neonKernels) log() {
	k.Func("logNEON", "dst *float32, l *Log, vectors int", `
logNEON replaces 4*vectors elements, vectors > 0, by their logarithms. It is logarithm, in the same order of operations.`)
	var fields [5]gen.V
	for i := range fields {
		fields[i] = k.Pin(27 + i)
		k.Set(fields[i], "VLD1R.P 4(R1), [V%d.S4] // "+[...]string{"Floor", "Scale", "Offset", "Min", "Max"}[i])
	}
	rootHalf, one := k.float(26, math.Float32frombits(rootHalfBits)), k.float(25, 1)
	var poly [len(polynomial)]gen.V
	for i, c := range polynomial {
		poly[i] = k.float(16+i, c)
	}
	k.Flush()
	word := func(x, y gen.V) gen.V { return k.Op("VSUB V%[2]d.S4, V%[1]d.S4, V%[3]d.S4", x, y) }
	k.Loop("R2", func() {
		x := k.Op("FMOVQ (R0), F%d")
		k.unless(k.greater(x, fields[0]), x, fields[0])
		exponent := k.OpCode(0x4F290400, "SSHR V%[2]d.4S, V%[1]d.4S, #23", word(x, rootHalf))
		bits := word(x, k.OpCode(0x4F375400, "SHL V%[2]d.4S, V%[1]d.4S, #23", exponent))
		exponent = k.OpCode(0x4E21D800, "SCVTF V%[2]d.4S, V%[1]d.4S", exponent)
		f := k.sub(bits, one)
		p := k.mul(poly[8], f)
		for i := 7; i >= 0; i-- {
			p = k.mul(k.add(p, poly[i]), f)
		}
		y := k.add(k.mul(k.add(exponent, p), fields[1]), fields[2])
		k.unless(k.greater(y, fields[3]), y, fields[3])
		k.unless(k.greater(fields[4], y), y, fields[4])
		k.Store("R0", y)
	})
	k.Text("\tRET")
}

func (k neonKernels) dot() {
	k.FuncFloat32("dotNEON", "a, b *float32, sixteens int", `
dotNEON returns the sum of the products of 16*sixteens elements, sixteens > 0.`)
	var sums, x, y [4]gen.V
	for i := range sums {
		sums[i], x[i], y[i] = k.Pin(i), k.Pin(4+i), k.Pin(16+i)
		k.Set(sums[i], "VMOVI $0, V%d.B16")
	}
	k.Flush()
	k.Loop("R2", func() {
		k.Do("VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]")
		k.Do("VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4]")
		for i, sum := range sums {
			k.addTo(sum, k.mul(x[i], y[i]))
		}
	})
	k.addTo(sums[0], sums[2])
	k.addTo(sums[1], sums[3])
	k.addTo(sums[0], sums[1])
	k.addTo(sums[0], k.Op("VEXT $8, V%[1]d.B16, V%[1]d.B16, V%[2]d.B16", sums[0]))
	k.SetCode(sums[0], 0x7E30D800, "FADDP S%[2]d, V%[1]d.2S", sums[0])
	k.Flush()
	k.ResultFloat32(3, 0)
}
