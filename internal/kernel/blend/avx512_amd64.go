//go:build !purego

package blend

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{
			Line: lineBy32, Lerp: lerpBy32, Mean: meanBy32, LerpMean: lerpMeanBy32,
			Accumulate: accumulateBy32, Resolve: resolveBy32,
		})
	}
}

//go:noescape
func lineAVX512(dst, a *int16, n int)

//go:noescape
func lerpAVX512(dst, a, b *int16, n int, w int16)

//go:noescape
func meanAVX512(dst, a, b *int16, n int)

//go:noescape
func lerpMeanAVX512(dst, a0, b0, a1, b1 *int16, n int, w0, w1 int16)

//go:noescape
func accumulateAVX512(sums *uint64, row *int16, vectors int, weight int16)

//go:noescape
func resolveAVX512(dst *int16, sums *uint64, vectors int)

func lineBy32(dst, a []int16) {
	dst = dst[:len(a)]
	if len(a) < 32 {
		line(dst, a)
		return
	}
	lineAVX512(&dst[0], &a[0], len(a))
}

func lerpBy32(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 32 {
		lerp(dst, a, b, w)
		return
	}
	lerpAVX512(&dst[0], &a[0], &b[0], len(a), w)
}

func meanBy32(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 32 {
		mean(dst, a, b)
		return
	}
	meanAVX512(&dst[0], &a[0], &b[0], len(a))
}

func lerpMeanBy32(dst []int16, upper, lower Between) {
	n := len(dst)
	if n < 32 {
		lerpMean(dst, upper, lower)
		return
	}
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	lerpMeanAVX512(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, upper.W, lower.W)
}

// accumulateBy32 leaves what does not fill a vector to plain Go, and so does resolveBy32: sums of four samples are in the
// same two words either way.
func accumulateBy32(sums []uint64, row []int16, weight int16) {
	if whole := len(row) &^ 31; whole > 0 {
		accumulateAVX512(&sums[:whole/2][0], &row[0], whole/32, weight)
		sums, row = sums[whole/2:], row[whole:]
	}
	accumulate(sums, row, weight)
}

func resolveBy32(dst []int16, sums []uint64) {
	if whole := len(dst) &^ 31; whole > 0 {
		resolveAVX512(&dst[0], &sums[:whole/2][0], whole/32)
		dst, sums = dst[whole:], sums[whole/2:]
	}
	resolve(dst, sums)
}
