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
				for _, f := range formats {
					checkRowEdge(t, k, width, edge, f)
					checkPixelsEdge(t, k, width, edge, f)
				}
			}
		}
	})
}

func checkRowEdge(t *testing.T, k Kernels, width int, edge kerneltest.Edge, f Format) {
	t.Helper()
	src := kerneltest.GuardedCopy(t, kerneltest.Bytes(kerneltest.Rand(uint64(width)), f.Size()*width), edge)
	got, want := kerneltest.Guarded[int16](t, width, edge), make([]int16, width)
	k.Row(got, src, width<<20, f)
	row(want, src, f)
	kerneltest.Same(t, "Row", got, want)
}

func checkPixelsEdge(t *testing.T, k Kernels, width int, edge kerneltest.Edge, f Format) {
	t.Helper()
	src := kerneltest.GuardedCopy(t, kerneltest.Bytes(kerneltest.Rand(uint64(width)), 3*f.Size()*width), edge)
	var got, want [3][]int16
	for c := range got {
		got[c], want[c] = kerneltest.Guarded[int16](t, width, edge), make([]int16, width)
	}
	k.Pixels(got, src, width<<20, f)
	pixels(want, src, f)
	for c := range got {
		kerneltest.Same(t, "Pixels", got[c], want[c])
	}
}
