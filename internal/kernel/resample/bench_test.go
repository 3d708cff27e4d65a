package resample

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkCovered takes the means of samples of a row.
func BenchmarkCovered(b *testing.B) {
	for step := 1; step <= 4; step++ {
		for _, ratio := range []int{2, 3, 6} {
			const n = 640
			z := &Cover{Words: n * ratio * step, Step: step}
			for x := range n {
				z.Spans = append(z.Spans, Span{uint32(x * ratio * step), uint32(ratio)})
				for i := range ratio {
					z.Weights = append(z.Weights, int16((i+1)*1<<14/ratio-i*1<<14/ratio))
				}
			}
			src := make([]int16, z.Words, z.SourceRoom())
			copy(src, kerneltest.Samples(kerneltest.Rand(1), z.Words, 0, 32640))
			dst := [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)}
			for _, e := range Implementations.All() {
				b.Run(fmt.Sprintf("step=%d/ratio=%d/n=%d/impl=%s", step, ratio, n, e.Level), func(b *testing.B) {
					covered := e.Kernels.Cover(z)
					for b.Loop() {
						covered.Row(dst, src)
					}
				})
			}
		}
	}
}

// BenchmarkResized resizes a row of bytes, of one channel and of two: Resize of each level, and the plain kernels.
func BenchmarkResized(b *testing.B) {
	for channels := 1; channels <= 2; channels++ {
		for _, ratio := range []int{1, 2, 3, 6} {
			const n = 320
			z := &Resize{Bytes: n * ratio * channels, Channels: channels}
			for x := range n {
				z.Taps = append(z.Taps, Tap{uint32(x * ratio * channels), uint32(64 * min(ratio-1, 1))})
			}
			src := kerneltest.Bytes(kerneltest.Rand(1), z.Bytes)
			dst := [][]int16{make([]int16, n), make([]int16, n)}
			for _, e := range Implementations.All() {
				b.Run(fmt.Sprintf("channels=%d/ratio=%d/n=%d/impl=%s", channels, ratio, n, e.Level), func(b *testing.B) {
					resized := e.Kernels.Resize(z)
					for b.Loop() {
						switch {
						case resized != nil:
							resized.Row(dst, src, 0)
						case channels == 1:
							e.Kernels.Plane(dst[0], src, z.Taps, true)
						default:
							e.Kernels.Pairs(dst[0], dst[1], src, z.Taps)
						}
					}
				})
			}
		}
	}
}

// BenchmarkWidened interpolates a row of words.
func BenchmarkWidened(b *testing.B) {
	const n = 320
	for _, ratio := range []int{1, 2, 3} {
		z := &Wide{Words: n*ratio + 1}
		for x := range n {
			z.Taps = append(z.Taps, Tap{uint32(x * ratio), 12345})
		}
		src := make([]int16, z.Words, z.SourceRoom())
		copy(src, kerneltest.Samples(kerneltest.Rand(1), z.Words, 0, 32640))
		dst := make([]int16, n)
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("ratio=%d/n=%d/impl=%s", ratio, n, e.Level), func(b *testing.B) {
				widened := e.Kernels.Widen(z)
				for b.Loop() {
					widened.Row(dst, src)
				}
			})
		}
	}
}
