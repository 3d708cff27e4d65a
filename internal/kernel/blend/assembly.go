//go:build !purego && (amd64 || arm64)

package blend

import "unsafe"

// assembly is the functions of one level in assembly. Those of n samples make samples or more of them, as many at a time,
// the last of which may overlap those before; those of vectors make exactly as many. What is left is for plain Go. Weights
// are in the lower words of ints.
type assembly struct {
	samples  int
	line     func(dst, a *int16, n int)
	lerp     func(dst, a, b *int16, n, w int)
	mean     func(dst, a, b *int16, n int)
	lerpMean func(dst, a0, b0, a1, b1 *int16, n, w0, w1 int)

	accumulate func(sums *uint64, row *int16, vectors, weight int)
	resolve    func(sums *uint64, dst *int16, vectors int)

	// average makes averageColumns samples or more. Of the row before and the one behind, one that is nil is none.
	average func(dst *int16, before, whole, behind *byte, n, stride, ahead, rows, wBefore, weight, wBehind, shift int)
}

// averageColumns is how many columns average takes at a time.
const averageColumns = 64

func (a *assembly) kernels() Kernels {
	return Kernels{
		Line: a.rowLine, Lerp: a.rowLerp, Mean: a.rowMean, LerpMean: a.rowLerpMean,
		Accumulate: a.addRow, Resolve: a.resolveRow,
		Average: a.averageRows,
	}
}

func (a *assembly) rowLine(dst, row []int16) {
	dst = dst[:len(row)]
	if len(row) < a.samples {
		line(dst, row)
		return
	}
	a.line(&dst[0], &row[0], len(row))
}

func (a *assembly) rowLerp(dst, first, second []int16, w int16) {
	dst, second = dst[:len(first)], second[:len(first)]
	if len(first) < a.samples {
		lerp(dst, first, second, w)
		return
	}
	a.lerp(&dst[0], &first[0], &second[0], len(first), int(w))
}

func (a *assembly) rowMean(dst, first, second []int16) {
	dst, second = dst[:len(first)], second[:len(first)]
	if len(first) < a.samples {
		mean(dst, first, second)
		return
	}
	a.mean(&dst[0], &first[0], &second[0], len(first))
}

func (a *assembly) rowLerpMean(dst []int16, upper, lower Between) {
	n := len(dst)
	if n < a.samples {
		lerpMean(dst, upper, lower)
		return
	}
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	a.lerpMean(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, int(upper.W), int(lower.W))
}

// addRow leaves what does not fill a vector to plain Go, and so does resolveRow: sums of four samples are in the same two
// words either way.
func (a *assembly) addRow(sums []uint64, row []int16, weight int16) {
	if vectors := len(row) / a.samples; vectors > 0 {
		whole := vectors * a.samples
		a.accumulate(&sums[:whole/2][0], &row[0], vectors, int(weight))
		sums, row = sums[whole/2:], row[whole:]
	}
	accumulate(sums, row, weight)
}

func (a *assembly) resolveRow(dst []int16, sums []uint64) {
	if vectors := len(dst) / a.samples; vectors > 0 {
		whole := vectors * a.samples
		a.resolve(&sums[:whole/2][0], &dst[0], vectors)
		dst, sums = dst[whole:], sums[whole/2:]
	}
	resolve(dst, sums)
}

func (a *assembly) averageRows(dst []int16, rows Rows, m Average) {
	n := len(dst)
	if n < averageColumns {
		average(dst, rows, m)
		return
	}
	before, whole, behind := rows.split(&m, n)
	a.average(&dst[0], unsafe.SliceData(before), unsafe.SliceData(whole), unsafe.SliceData(behind), n, rows.Stride, rows.Ahead,
		m.Whole, int(m.Before), int(m.Weight), int(m.Behind), int(m.Shift))
}
