//go:build !purego

package blend

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, kernelsAVX512)
	}
}

var kernelsAVX512 = Kernels{
	samples: 32, line: lineAVX512, lerp: lerpAVX512, mean: meanAVX512, lerpMean: lerpMeanAVX512,
	accumulate: accumulateAVX512, resolve: resolveAVX512, average: averageAVX2,
}

//go:noescape
func lineAVX512(dst, a *int16, n int)

//go:noescape
func lerpAVX512(dst, a, b *int16, n, w int)

//go:noescape
func meanAVX512(dst, a, b *int16, n int)

//go:noescape
func lerpMeanAVX512(dst, a0, b0, a1, b1 *int16, n, w0, w1 int)

//go:noescape
func accumulateAVX512(sums *uint64, row *int16, vectors, weight int)

//go:noescape
func resolveAVX512(sums *uint64, dst *int16, vectors int)
