// Package blend holds the vertical half of resizing: kernels that turn int16 rows with 7 fractional bits into the samples of a band,
// with 4; and, where a mean over both directions begins with this one, rows of bytes into rows of int16.
//
// Notation: rows hold luma - 128 (-16384..16256), centered chroma (-16384..16320) or R, G, B (0..32640). Neighboring rows a and b of one
// plane share such a range, so b-a fits int16 and what lies between them fits its range. Weights of b are in 32768ths, 0..32767.
package blend

import (
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation. dst is as long as the rows; it overlaps none.
//
// What is in assembly works on a vector of samples or more; of lines, the last vector may overlap the one before it. The rest is for plain
// Go. Weights are in the lower words of ints.
type Kernels struct {
	samples  int // of a vector; more than there can be where there is no assembly
	line     func(dst, a *int16, n int)
	lerp     func(dst, a, b *int16, n, w int)
	mean     func(dst, a, b *int16, n int)
	lerpMean func(dst, a0, b0, a1, b1 *int16, n, w0, w1 int)

	accumulate func(sums *uint64, row *int16, vectors, weight int)
	resolve    func(sums *uint64, dst *int16, vectors int)

	// average makes averageColumns samples or more. Of the row before and the one behind, one that is nil is none.
	average func(dst *int16, before, whole, behind *byte, n, stride, ahead, rows, wBefore, weight, wBehind, shift int)
}

// Sums returns the length of the sums for rows of n samples.
func Sums(n int) int { return (n + 3) / 4 * 2 }

// Between is a place between two rows: at W 32768ths, 0..32767, of the way from A to B.
type Between struct {
	A, B []int16
	W    int16
}

// Place is a place between rows of Y, Cb and Cr: at W 32768ths, 0..32767, of the way from A to B. With W 0, B is not read.
type Place struct {
	A, B *[3][]int16
	W    int16
}

// Pair is two lines of a band, and the chroma that they share.
type Pair struct{ Y, Below, Cb, Cr []int16 }

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() { Implementations.Register(impl.Generic, Kernels{samples: math.MaxInt}) }
