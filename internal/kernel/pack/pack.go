// Package pack turns lines of a band, int16 samples with 4 fractional bits, into bytes of raw images.
//
// All products are
//
//	mulhrs(a, b) = (a*b + 1<<14) >> 15
//
// of 16-bit numbers, which SSSE3 has as PMULHRSW and NEON as SQRDMULH, and all sums fit 16 bits for samples within
// their range: kernels for those instructions equal the plain Go one bit for bit.
package pack

import "github.com/steadyframe/steadyframe/internal/impl"

// Kernels is one implementation of this package's kernels. Each writes all of dst, and panics where a source is too
// short for it. dst and sources do not overlap.
type Kernels struct {
	// RGB24 writes len(dst)/3 pixels of 3 bytes, in the order of its sources; with r and b exchanged it writes bgr24.
	// Samples are rounded, halves up, and clamped to 0..255, whatever they are.
	RGB24 func(dst []byte, r, g, b []int16)

	// RGBA writes len(dst)/4 pixels of 4 bytes as RGB24 does, with alpha 255.
	RGBA func(dst []byte, r, g, b []int16)

	// LimitedLuma writes luma of full range, centered (-2048..2032), as 16..235.
	LimitedLuma func(dst []byte, y []int16)

	// LimitedChroma writes chroma of full range, centered (-2040..2040), as 16..240.
	LimitedChroma func(dst []byte, c []int16)
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{RGB24: rgb24, RGBA: rgba, LimitedLuma: limitedLuma, LimitedChroma: limitedChroma})
}
