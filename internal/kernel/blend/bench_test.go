package blend

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkRows runs each kernel on rows of W1.
func BenchmarkRows(b *testing.B) {
	const n = 320
	var rows [4][]int16
	for i := range rows {
		rows[i] = kerneltest.Copy(kerneltest.Samples(kerneltest.Rand(uint64(i)), n, -16384, 16256), 0, 0).S
	}
	dst, sums := kerneltest.Make(n, 0, int16(0)).S, make([]uint64, Sums(n))
	kernels := []struct {
		name string
		run  func(k *Kernels)
	}{
		{"Line", func(k *Kernels) { k.Line(dst, rows[0]) }},
		{"Lerp", func(k *Kernels) { k.Lerp(dst, rows[0], rows[1], 9830) }},
		{"Mean", func(k *Kernels) { k.Mean(dst, rows[0], rows[1]) }},
		{"LerpMean", func(k *Kernels) { k.LerpMean(dst, Between{rows[0], rows[1], 9830}, Between{rows[2], rows[3], 22938}) }},
		{"Accumulate+Resolve", func(k *Kernels) {
			k.Accumulate(sums, rows[0], 1<<13)
			k.Accumulate(sums, rows[1], 1<<13)
			k.Resolve(dst, sums)
		}},
	}
	for _, kernel := range kernels {
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("kernel=%s/n=%d/impl=%s", kernel.name, n, e.Level), func(b *testing.B) {
				b.SetBytes(2 * n)
				for b.Loop() {
					kernel.run(&e.Kernels)
				}
			})
		}
	}
}

// BenchmarkAverage takes the means of rows of 1920 pixels of three bytes: of a whole ratio, and of one between.
func BenchmarkAverage(b *testing.B) {
	const n = 3 * 1920
	rows := Rows{Pix: kerneltest.Bytes(kerneltest.Rand(1), 4*n), Stride: n}
	dst := make([]int16, n)
	for _, a := range []Average{NewAverage(0, 2, 0), NewAverage(0, 3, 0), NewAverage(5461, 2, 5461)} {
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("n=%d/rows=%d/impl=%s", n, a.Count(), e.Level), func(b *testing.B) {
				b.SetBytes(int64(n * a.Count()))
				for b.Loop() {
					e.Kernels.Average(dst, rows, a)
				}
			})
		}
	}
}
