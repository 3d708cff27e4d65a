//go:build !purego

package blend

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	Implementations.Register(impl.NEON, Kernels{
		Line: lineBy16, Lerp: lerpBy16, Mean: meanBy16, LerpMean: lerpMeanBy16,
		Accumulate: accumulateBy16, Resolve: resolveBy16,
	})
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

func lineBy16(dst, a []int16) {
	dst = dst[:len(a)]
	if len(a) < 16 {
		line(dst, a)
		return
	}
	lineNEON(&dst[0], &a[0], len(a))
}

func lerpBy16(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 16 {
		lerp(dst, a, b, w)
		return
	}
	lerpNEON(&dst[0], &a[0], &b[0], len(a), int(w))
}

func meanBy16(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < 16 {
		mean(dst, a, b)
		return
	}
	meanNEON(&dst[0], &a[0], &b[0], len(a))
}

func lerpMeanBy16(dst []int16, upper, lower Between) {
	n := len(dst)
	if n < 16 {
		lerpMean(dst, upper, lower)
		return
	}
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	lerpMeanNEON(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, int(upper.W), int(lower.W))
}

// accumulateBy16 leaves what does not fill two vectors to plain Go, and so does resolveBy16: sums of four samples are in
// the same two words either way.
func accumulateBy16(sums []uint64, row []int16, weight int16) {
	if whole := len(row) &^ 15; whole > 0 {
		accumulateNEON(&sums[:whole/2][0], &row[0], whole/16, int(weight))
		sums, row = sums[whole/2:], row[whole:]
	}
	accumulate(sums, row, weight)
}

func resolveBy16(dst []int16, sums []uint64) {
	if whole := len(dst) &^ 15; whole > 0 {
		resolveNEON(&sums[:whole/2][0], &dst[0], whole/16)
		dst, sums = dst[whole:], sums[whole/2:]
	}
	resolve(dst, sums)
}
