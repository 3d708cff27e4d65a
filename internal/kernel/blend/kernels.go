package blend

import "unsafe"

// Line rounds a row to a line of a band: (a+4)>>3.
func (k *Kernels) Line(dst, a []int16) {
	dst = dst[:len(a)]
	if len(a) < k.samples {
		line(dst, a)
		return
	}
	k.line(&dst[0], &a[0], len(a))
}

// Lerp makes a line of a band from the row at weight w of the way from a to b.
func (k *Kernels) Lerp(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < k.samples {
		lerp(dst, a, b, w)
		return
	}
	k.lerp(&dst[0], &a[0], &b[0], len(a), int(w))
}

// Mean makes a line of chroma from two rows of chroma, of two neighboring lines: (a+b+8)>>4.
func (k *Kernels) Mean(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	if len(a) < k.samples {
		mean(dst, a, b)
		return
	}
	k.mean(&dst[0], &a[0], &b[0], len(a))
}

// LerpMean is Mean of the row at upper.W of the way from upper.A to upper.B and the row so between lower.A and lower.B.
func (k *Kernels) LerpMean(dst []int16, upper, lower Between) {
	n := len(dst)
	if n < k.samples {
		lerpMean(dst, upper, lower)
		return
	}
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	k.lerpMean(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, int(upper.W), int(lower.W))
}

// Pair makes two lines of a band: Y of upper and of lower, by Line or Lerp, and the chroma that they share, by Mean or LerpMean. Where
// dst.Below is empty, there is no second line.
func (k *Kernels) Pair(dst *Pair, upper, lower *Place) {
	k.place(dst.Y, upper)
	k.place(dst.Below, lower)
	k.shared(dst.Cb, upper, lower, 1)
	k.shared(dst.Cr, upper, lower, 2)
}

// place makes a line of Y.
func (k *Kernels) place(dst []int16, p *Place) {
	n := len(dst)
	a := p.A[0][:n]
	switch {
	case p.W == 0:
		k.Line(dst, a)
	case n < k.samples:
		lerp(dst, a, p.B[0], p.W)
	default:
		b := p.B[0][:n]
		k.lerp(&dst[0], &a[0], &b[0], n, int(p.W))
	}
}

// shared makes a line of plane i, which is of chroma.
func (k *Kernels) shared(dst []int16, upper, lower *Place, i int) {
	n := len(dst)
	a0, a1 := upper.A[i][:n], lower.A[i][:n]
	if upper.W == 0 && lower.W == 0 {
		k.Mean(dst, a0, a1)
		return
	}
	b0, b1 := a0, a1
	if upper.W != 0 {
		b0 = upper.B[i][:n]
	}
	if lower.W != 0 {
		b1 = lower.B[i][:n]
	}
	if n < k.samples {
		lerpMean(dst, Between{a0, b0, upper.W}, Between{a1, b1, lower.W})
		return
	}
	k.lerpMean(&dst[0], &a0[0], &b0[0], &a1[0], &b1[0], n, int(upper.W), int(lower.W))
}

// Accumulate adds row times weight, 0..16384, to the sums, of which there are Sums(len(row)). Their layout is the package's own: those of
// four samples are in the same two words in assembly and in plain Go.
func (k *Kernels) Accumulate(sums []uint64, row []int16, weight int16) {
	if len(row) >= k.samples {
		vectors := len(row) / k.samples
		whole := vectors * k.samples
		k.accumulate(&sums[:whole/2][0], &row[0], vectors, int(weight))
		sums, row = sums[whole/2:], row[whole:]
	}
	accumulate(sums, row, weight)
}

// Resolve sets dst, a row, to the sums of rows whose weights added up to 1<<14, divided by that and rounded, and the sums to 0.
func (k *Kernels) Resolve(dst []int16, sums []uint64) {
	if len(dst) >= k.samples {
		vectors := len(dst) / k.samples
		whole := vectors * k.samples
		k.resolve(&sums[:whole/2][0], &dst[0], vectors)
		dst, sums = dst[whole:], sums[whole/2:]
	}
	resolve(dst, sums)
}

// Average sets dst, a row of 0..32640, to the mean of rows of len(dst) bytes.
func (k *Kernels) Average(dst []int16, rows Rows, a Average) {
	n := len(dst)
	if n < averageColumns || n < k.samples {
		average(dst, rows, a)
		return
	}
	before, whole, behind := rows.split(&a, n)
	k.average(&dst[0], unsafe.SliceData(before), unsafe.SliceData(whole), unsafe.SliceData(behind), n, rows.Stride, rows.Ahead,
		a.Whole, int(a.Before), int(a.Weight), int(a.Behind), int(a.Shift))
}

// averageColumns is how many columns average takes at a time.
const averageColumns = 64
