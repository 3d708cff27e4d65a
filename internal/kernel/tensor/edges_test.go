package tensor

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestEdges runs every width beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := range 100 {
			for _, edge := range kerneltest.Edges {
				src := kerneltest.GuardedCopy(t, kerneltest.Bytes(kerneltest.Rand(uint64(width)), 4*width), edge)
				got, want := kerneltest.Guarded[int16](t, width, edge), make([]int16, width)
				s := Scale{32640, 0.25}
				k.Row(got, src, width<<20, s)
				row(want, src, s)
				kerneltest.Same(t, "Row", got, want)
			}
		}
	})
}
