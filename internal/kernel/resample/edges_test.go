package resample

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestEdges runs rows of every width beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := 1; width < 100; width++ {
			for _, edge := range kerneltest.Edges {
				checkResizedEdge(t, k, width, edge)
				checkCoveredEdge(t, k, width, edge)
				checkWidenedEdge(t, k, width, edge)
				k.Prefetch(kerneltest.Guarded[byte](t, width, edge))
			}
		}
	})
}

// guardedRows returns rows of n samples with room, beside memory that can't be accessed.
func guardedRows(t *testing.T, n int, edge kerneltest.Edge) (rows [3][]int16) {
	for i := range rows {
		rows[i] = kerneltest.Guarded[int16](t, RoomFor(n), edge)[:n]
	}
	return rows
}

func checkResizedEdge(t *testing.T, k Kernels, width int, edge kerneltest.Edge) {
	t.Helper()
	r := kerneltest.Rand(uint64(width))
	for channels := 1; channels <= 2; channels++ {
		inputs := 1 + r.IntN(3*width)
		z := &Resize{Taps: randomTaps(r, width, inputs, channels, 128), Bytes: inputs * channels, Channels: channels}
		resized := k.Resize(z)
		if resized == nil {
			continue
		}
		src, dst := kerneltest.GuardedCopy(t, kerneltest.Bytes(r, z.Bytes), edge), guardedRows(t, width, edge)
		resized.Row(dst[:], src, width<<20)
		for c := range channels {
			kerneltest.Same(t, "Resized", dst[c], wantLinear(src, z.Taps, c, channels, 0))
		}
	}
}

func checkCoveredEdge(t *testing.T, k Kernels, width int, edge kerneltest.Edge) {
	t.Helper()
	r := kerneltest.Rand(uint64(width))
	for step := 1; step <= 4; step++ {
		inputs := 1 + r.IntN(3*width)
		z := &Cover{Coverage: randomCoverage(r, width, inputs, step), Words: inputs * step, Step: step}
		src := kerneltest.GuardedCopy(t, kerneltest.Samples(r, z.SourceRoom(), 0, 32640), edge)
		dst := guardedRows(t, width, edge)
		k.Cover(z).Row(dst, src[:z.Words])
		for c := range z.channels() {
			kerneltest.Same(t, "Covered", dst[c], wantArea(src, z, c))
		}
	}
}

func checkWidenedEdge(t *testing.T, k Kernels, width int, edge kerneltest.Edge) {
	t.Helper()
	r := kerneltest.Rand(uint64(width))
	for range 2 {
		inputs := 1 + r.IntN(3*width)
		z := &Wide{Taps: randomTaps(r, width, inputs, 1, 32767), Words: inputs + 1}
		src := kerneltest.GuardedCopy(t, kerneltest.Samples(r, z.SourceRoom(), 0, 32640), edge)
		dst := guardedRows(t, width, edge)[0]
		k.Widen(z).Row(dst, src[:z.Words])
		kerneltest.Same(t, "Widened", dst, wantWide(src, z))
	}
}
