//go:build !purego

package blend

import (
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() { Implementations.Register(impl.NEON, kernelsNEON) }

var kernelsNEON = Kernels{
	samples: 16, line: lineNEON, lerp: lerpNEON, mean: meanNEON, lerpMean: lerpMeanNEON,
	accumulate: accumulateNEON, resolve: resolveNEON, average: averageNEON,
}

//go:noescape
func lineNEON(dst, a *int16, n int)

//go:noescape
func lerpNEON(dst, a, b *int16, n, w int)

//go:noescape
func meanNEON(dst, a, b *int16, n int)

//go:noescape
func lerpMeanNEON(dst, a0, b0, a1, b1 *int16, n, w0, w1 int)

//go:noescape
func accumulateNEON(sums *uint64, row *int16, vectors, weight int)

//go:noescape
func resolveNEON(sums *uint64, dst *int16, vectors int)

//go:noescape
func averageNEON(dst *int16, before, whole, behind *byte, n, stride, ahead, rows, wBefore, weight, wBehind, shift int)
