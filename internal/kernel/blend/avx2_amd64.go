//go:build !purego

package blend

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, kernelsAVX2)
	}
}

var kernelsAVX2 = Kernels{
	samples: 16, line: lineAVX2, lerp: lerpAVX2, mean: meanAVX2, lerpMean: lerpMeanAVX2,
	accumulate: accumulateAVX2, resolve: resolveAVX2, average: averageAVX2,
}

//go:noescape
func lineAVX2(dst, a *int16, n int)

//go:noescape
func lerpAVX2(dst, a, b *int16, n, w int)

//go:noescape
func meanAVX2(dst, a, b *int16, n int)

//go:noescape
func lerpMeanAVX2(dst, a0, b0, a1, b1 *int16, n, w0, w1 int)

//go:noescape
func accumulateAVX2(sums *uint64, row *int16, vectors, weight int)

//go:noescape
func resolveAVX2(sums *uint64, dst *int16, vectors int)

//go:noescape
func averageAVX2(dst *int16, before, whole, behind *byte, n, stride, ahead, rows, wBefore, weight, wBehind, shift int)
