package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// blenderNEON writes kernels of 16 samples at a time: two vectors.
type blenderNEON struct{ *gen.NEON }

func neon(n *gen.NEON) {
	b := blenderNEON{n}
	b.line()
	b.lerp()
	b.mean()
	b.lerpMean()
	b.accumulate()
	b.resolve()
	b.average()
}

// begin begins a function of n samples.
func (b blenderNEON) begin(name, params, doc string) {
	b.Func(name+"NEON", params, fmt.Sprintf("%sNEON makes n samples, n >= 16.\n%s", name, doc))
}

// each runs vector for each vector of the samples that register count has; the rows are in the registers before it. The
// last 16 samples end with the last sample, so that they may overlap those before.
func (b blenderNEON) each(count int, vector func()) {
	b.Flush()
	b.Text("\nloop:")
	for range 2 {
		vector()
	}
	b.Flush()
	b.Text(fmt.Sprintf("\tSUB $16, R%[1]d\n\tCMP $16, R%[1]d\n\tBGE loop\n\tCBZ R%[1]d, done", count))
	b.Text(fmt.Sprintf("\tSUB $16, R%d // back, to where 16 are left", count))
	for row := range count {
		b.Text(fmt.Sprintf("\tADD R%d<<1, R%[2]d, R%[2]d", count, row))
	}
	b.Text(fmt.Sprintf("\tMOVD $16, R%d\n\tB loop\n\ndone:\n\tRET", count))
}

// between returns the samples at w 32768ths of the way from rows first to second.
func (b blenderNEON) between(first, second string, w gen.V) gen.V {
	v := b.Load(first)
	return b.Add(v, b.MulHRS(b.Sub(b.Load(second), v), w))
}

func (b blenderNEON) line() {
	b.begin("line", "dst, a *int16, n int", "	dst[i] = (a[i] + 4) >> 3")
	b.each(2, func() { b.Store("R0", b.Rounded(b.Load("R1"), 3)) })
}

func (b blenderNEON) lerp() {
	b.begin("lerp", "dst, a, b *int16, n, w int", "	dst[i] = (a[i] + mulhrs(b[i]-a[i], w) + 4) >> 3")
	w := b.PinParam(31, "R4", "w")
	b.each(3, func() { b.Store("R0", b.Rounded(b.between("R1", "R2", w), 3)) })
}

func (b blenderNEON) mean() {
	b.begin("mean", "dst, a, b *int16, n int", "	dst[i] = (a[i] + b[i] + 8) >> 4")
	b.each(3, func() { b.Store("R0", b.Rounded(b.Add(b.Load("R1"), b.Load("R2")), 4)) })
}

func (b blenderNEON) lerpMean() {
	b.begin("lerpMean", "dst, a0, b0, a1, b1 *int16, n, w0, w1 int",
		"	dst[i] = (a0[i] + mulhrs(b0[i]-a0[i], w0) + a1[i] + mulhrs(b1[i]-a1[i], w1) + 8) >> 4")
	w0, w1 := b.PinParam(30, "R6", "w0"), b.PinParam(31, "R7", "w1")
	b.each(5, func() {
		b.Store("R0", b.Rounded(b.Add(b.between("R1", "R2", w0), b.between("R3", "R4", w1)), 4))
	})
}

// sums returns four registers for the sums of two vectors.
func (b blenderNEON) sums() (v [4]gen.V) {
	for i := range v {
		v[i] = b.Pin(i)
	}
	return v
}

const loadSums = "VLD1 (R0), [V0.S4, V1.S4, V2.S4, V3.S4]"

func (b blenderNEON) accumulate() {
	b.Func("accumulateNEON", "sums *uint64, row *int16, vectors, weight int", `
accumulateNEON adds 16*vectors products to the sums, vectors > 0.
	sums[i] += row[i] * weight`)
	sums, w := b.sums(), b.PinParam(31, "R3", "weight")
	b.Flush()
	b.Loop("R2", func() {
		b.Do(loadSums)
		for i := range 2 {
			row := b.Load("R1")
			b.SetCode(sums[2*i], 0x0E608000, "SMLAL V%[3]d.4S, V%[1]d.4H, V%[2]d.4H", row, w)
			b.SetCode(sums[2*i+1], 0x4E608000, "SMLAL2 V%[3]d.4S, V%[1]d.8H, V%[2]d.8H", row, w)
		}
		b.Do("VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)")
	})
	b.Text("\tRET")
}

func (b blenderNEON) resolve() {
	b.Func("resolveNEON", "sums *uint64, dst *int16, vectors int", `
resolveNEON makes 16*vectors samples, vectors > 0.
	dst[i], sums[i] = (sums[i] + 1<<13) >> 14, 0`)
	sums, out, zero := b.sums(), b.Pin(30), b.PinWords(31, 0, "0")
	b.Flush()
	b.Loop("R2", func() {
		b.Do(loadSums)
		for range sums {
			b.Store("R0", zero)
		}
		for i := range 2 {
			b.SetCode(out, 0x0F128C00, "RSHRN V%[2]d.4H, V%[1]d.4S, #14", sums[2*i])
			b.SetCode(out, 0x4F128C00, "RSHRN2 V%[2]d.8H, V%[1]d.4S, #14", sums[2*i+1])
			b.Store("R1", out)
		}
	})
	b.Text("\tRET")
}
