package huff

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// BenchmarkCode times each kernel on blocks of few coefficients, as at quality 75, of many, of large ones everywhere, of noise at
// quality 100, and of noise at a low one.
func BenchmarkCode(b *testing.B) {
	for _, impl := range Implementations.All() {
		for _, f := range fills[1:6] {
			b.Run(fmt.Sprintf("impl=%v/fill=%s", impl.Level, f.name), func(b *testing.B) { benchmarkCode(b, impl.Kernels, f) })
		}
	}
}

func benchmarkCode(b *testing.B, k Kernels, f fill) {
	const mcus, blocks = 160, 6 * 160
	s := f.strip(rand.New(rand.NewPCG(1, 2)), mcus)
	syms := make([]Symbol, MaxSymbols(blocks))
	raw := make([]byte, blocks*MaxBlockBytes+WriteSlack)
	out := make([]byte, 2*len(raw))
	codes, p := StandardCodes(), new(Partial)
	count := k.Flatten(syms, s, 0, mcus)
	size := k.Write(raw, syms[:count], codes, p)

	report := func(b *testing.B, n int, unit string) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blocks, "ns/block")
		b.ReportMetric(float64(n)/blocks, unit)
	}
	nonzero := 0
	for _, m := range s.Masks {
		nonzero += bits.OnesCount64(m)
	}
	b.Run("kernel=flatten", func(b *testing.B) {
		for b.Loop() {
			k.Flatten(syms, s, 0, mcus)
		}
		report(b, nonzero, "nonzero/block")
	})
	b.Run("kernel=write", func(b *testing.B) {
		for b.Loop() {
			k.Write(raw, syms[:count], codes, p)
		}
		report(b, count, "symbols/block")
	})
	b.Run("kernel=stuff", func(b *testing.B) {
		for b.Loop() {
			k.Stuff(out, raw[:size])
		}
		report(b, size, "bytes/block")
	})
}
