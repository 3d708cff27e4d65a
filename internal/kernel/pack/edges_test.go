package pack

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2)
}

// TestEdges runs every width beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := range 100 {
			checkEdges(t, k, width)
		}
	})
}

func checkEdges(t *testing.T, k Kernels, width int) {
	t.Helper()
	rng := kerneltest.Rand(uint64(width))
	r, g, b := kerneltest.Samples(rng, width, -40, 4200), kerneltest.Samples(rng, width, 0, 4080), kerneltest.Samples(rng, width, -32768, 32767)
	y := kerneltest.Samples(rng, width, -2048, 2032)
	for _, edge := range kerneltest.Edges {
		copied := func(s []int16) []int16 { return kerneltest.GuardedCopy(t, s, edge) }
		check := func(name string, bytes int, got, want func(dst []byte)) {
			dst, plain := kerneltest.Guarded[byte](t, bytes*width, edge), make([]byte, bytes*width)
			got(dst)
			want(plain)
			kerneltest.Same(t, name, dst, plain)
		}
		check("RGB24", 3, func(dst []byte) { k.RGB24(dst, copied(r), copied(g), copied(b)) }, func(dst []byte) { rgb24(dst, r, g, b) })
		check("RGBA", 4, func(dst []byte) { k.RGBA(dst, copied(r), copied(g), copied(b)) }, func(dst []byte) { rgba(dst, r, g, b) })
		check("LimitedLuma", 1, func(dst []byte) { k.LimitedLuma(dst, copied(y)) }, func(dst []byte) { limitedLuma(dst, y) })
		check("LimitedChroma", 1, func(dst []byte) { k.LimitedChroma(dst, copied(y)) }, func(dst []byte) { limitedChroma(dst, y) })
	}
}
