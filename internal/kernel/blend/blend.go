// Package blend holds the vertical half of resizing: kernels that turn int16 rows with 7 fractional bits into the samples of a band,
// with 4; and, where a mean over both directions begins with this one, rows of bytes into rows of int16.
//
// Notation: rows hold luma - 128 (-16384..16256), centred chroma (-16384..16320) or R, G, B (0..32640). Neighbouring rows a and b of one
// plane share such a range, so b-a fits int16 and what lies between them fits its range. Weights of b are in 32768ths, 0..32767.
package blend

import "github.com/steadyframe/steadyframe/internal/impl"

// Kernels is one implementation. dst is as long as the rows; it overlaps none.
type Kernels struct {
	// Line rounds a row to a line of a band: (a+4)>>3.
	Line func(dst, a []int16)
	// Lerp makes a line of a band from the row at weight w of the way from a to b.
	Lerp func(dst, a, b []int16, w int16)
	// Mean makes a line of chroma from two rows of chroma, of two neighbouring lines: (a+b+8)>>4.
	Mean func(dst, a, b []int16)
	// LerpMean is Mean of the row at upper.W of the way from upper.A to upper.B and the row so between lower.A and lower.B.
	LerpMean func(dst []int16, upper, lower Between)
	// Accumulate adds row times weight, 0..16384, to the sums, of which there are Sums(len(row)). Their layout is the implementation's own.
	Accumulate func(sums []uint64, row []int16, weight int16)
	// Resolve sets dst, a row, to the sums of rows whose weights added up to 1<<14, divided by that and rounded, and the sums to 0.
	Resolve func(dst []int16, sums []uint64)

	// Average sets dst, a row of 0..32640, to the mean of rows of len(dst) bytes.
	Average func(dst []int16, rows Rows, a Average)
}

// Sums returns the length of the sums for rows of n samples.
func Sums(n int) int { return (n + 3) / 4 * 2 }

// Between is a place between two rows: at W 32768ths, 0..32767, of the way from A to B.
type Between struct {
	A, B []int16
	W    int16
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{
		Line: line, Lerp: lerp, Mean: mean, LerpMean: lerpMean, Accumulate: accumulate, Resolve: resolve,
		Average: average,
	})
}
