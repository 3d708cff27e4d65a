//go:build !purego

package blend

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{
			Line: lineBy16, Lerp: lerpBy16, Mean: meanBy16, LerpMean: lerpMeanBy16,
			Accumulate: accumulateBy16, Resolve: resolveBy16,
		})
	}
}

//go:noescape
func lineAVX2(dst, a *int16, n int)

//go:noescape
func lerpAVX2(dst, a, b *int16, n int, w int16)

//go:noescape
func meanAVX2(dst, a, b *int16, n int)

//go:noescape
func lerpMeanAVX2(dst, a0, b0, a1, b1 *int16, n int, w0, w1 int16)

//go:noescape
func accumulateAVX2(sums *uint64, row *int16, vectors int, weight int16)

//go:noescape
func resolveAVX2(dst *int16, sums *uint64, vectors int)

func lineBy16(dst, a []int16) {
	dst = dst[:len(a)]
	if len(a) < 16 {
		line(dst, a)
		return
	}
	lineAVX2(&dst[0], &a[0], len(a))
}

func lerpBy16(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 16 {
		lerp(dst, a, b, w)
		return
	}
	lerpAVX2(&dst[0], &a[0], &b[0], len(a), w)
}

func meanBy16(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 16 {
		mean(dst, a, b)
		return
	}
	meanAVX2(&dst[0], &a[0], &b[0], len(a))
}

func lerpMeanBy16(dst []int16, upper, lower Between) {
	n := len(dst)
	if n < 16 {
		lerpMean(dst, upper, lower)
		return
	}
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	lerpMeanAVX2(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, upper.W, lower.W)
}

// accumulateBy16 leaves what does not fill a vector to plain Go, and so does resolveBy16: sums of four samples are in the
// same two words either way.
func accumulateBy16(sums []uint64, row []int16, weight int16) {
	if whole := len(row) &^ 15; whole > 0 {
		accumulateAVX2(&sums[:whole/2][0], &row[0], whole/16, weight)
		sums, row = sums[whole/2:], row[whole:]
	}
	accumulate(sums, row, weight)
}

func resolveBy16(dst []int16, sums []uint64) {
	if whole := len(dst) &^ 15; whole > 0 {
		resolveAVX2(&dst[0], &sums[:whole/2][0], whole/16)
		dst, sums = dst[whole:], sums[whole/2:]
	}
	resolve(dst, sums)
}
