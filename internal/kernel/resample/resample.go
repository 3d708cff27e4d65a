// Package resample holds the horizontal half of resizing: kernels that turn one row of a plane into one row of int16 samples with 7
// fractional bits (value x 128), as wide as the output.
//
// Notation: a row of src is the crop alone, so that no kernel can read outside it. Samples of RGB rows are 0..32640;
// those of luma and chroma rows have 128 subtracted: -16384..16256.
package resample

import "github.com/steadyframe/steadyframe/internal/impl"

// A Tap says how one output sample is interpolated between two neighbors in an input row: where the first lies, and the
// weight of the second; the first has the rest. In rows of bytes Offset counts bytes and Weight is in 128ths, 0..128;
// where the row ends before the second sample, the first stands in for it. In rows of int16 Offset counts samples and
// Weight is in 32768ths, 0..32767.
type Tap struct{ Offset, Weight uint32 }

// A Span is the run of input samples that one output sample covers: the index of the first in its row, and how many.
type Span struct{ Offset, Count uint32 }

// Coverage says how much of each input sample each output sample covers. Weights has, for one output sample after the other, one
// weight for each sample of its span, in 16384ths; those of a span add up to 1<<14.
type Coverage struct {
	Spans   []Span
	Weights []int16
}

// Kernels is one implementation. The rows of dst are as long as the taps or spans; src and dst do not overlap. "Packed" is three channels
// in the order of memory, step bytes (3 or 4) from one pixel to the next.
type Kernels struct {
	// Packed interpolates pixels into three rows of 0..32640.
	Packed func(dst [3][]int16, src []byte, taps []Tap, step int)
	// Plane interpolates single bytes into a row of 0..32640, or, centered, of -16384..16256.
	Plane func(dst []int16, src []byte, taps []Tap, centered bool)
	// Pairs interpolates interleaved pairs of bytes into two rows of -16384..16256.
	Pairs func(first, second []int16, src []byte, taps []Tap)

	// Resize compiles z, which it borrows. It returns nil for what Plane and Pairs are to do.
	Resize func(z *Resize) *Resized

	// Widen compiles z, which it borrows.
	Widen func(z *Wide) *Widened

	// Cover compiles z, which it borrows.
	Cover func(z *Cover) *Covered

	// Lookup and PairsLookup take each byte through a table, without any interpolation: len(dst) bytes, or pairs of bytes.
	Lookup      func(dst []int16, src []byte, table *[256]int16)
	PairsLookup func(first, second []int16, src []byte, table *[256]int16)

	// Prefetch fetches a row, of one byte or more, into the processor's caches. In plain Go it does nothing.
	Prefetch func(row []byte)
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

// generic is plain Go: the definition of each kernel's result.
var generic = Kernels{
	Packed: packed, Plane: plane, Pairs: pairs, Resize: resizeNothing,
	Widen: widenPlainly, Cover: coverPlainly,
	Lookup: lookup, PairsLookup: pairsLookup,
	Prefetch: func([]byte) {},
}

func init() { Implementations.Register(impl.Generic, generic) }
