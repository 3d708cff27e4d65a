// Package resample holds the horizontal half of resizing: kernels that turn one row of a plane into one row of int16 samples with 7
// fractional bits (value x 128), as wide as the output.
//
// Notation: a row of src is the crop alone, so that no kernel can read beside it. Samples of RGB rows are 0..32640; those of luma and
// chroma rows have 128 taken off: -16384..16256.
package resample

import "github.com/steadyframe/steadyframe/internal/impl"

// A Tap says how one output sample is made of two neighbours in a row of 8-bit samples: the byte offset of the first, times 256, and the
// weight of the second in 128ths, 0..128. The first has the rest. Where the row ends before the second, the first stands in for it.
// It is an alias so that package color, which may not import this one, takes the same tables.
type Tap = uint32

// MakeTap returns the tap at offset, below 1<<24, with weight 0..128.
func MakeTap(offset, weight int) Tap { return Tap(offset<<8 | weight) }

// A WideTap is a Tap on rows of int16 samples: the index of the first sample, and the weight of the second in 32768ths, 0..32767.
type WideTap uint64

// MakeWideTap returns the tap at index, below 1<<32, with weight 0..32767.
func MakeWideTap(index, weight int) WideTap { return WideTap(index<<16 | weight) }

// A Span is the run of input samples that one output sample covers: the byte offset of the first (for rows of int16 its index), and
// how many.
type Span struct{ Offset, Count uint32 }

// Coverage says how much of each input sample each output sample covers. Weights has, for one output sample after the other, one
// weight for each sample of its span, in 16384ths; those of a span add up to 1<<14.
type Coverage struct {
	Spans   []Span
	Weights []int16
}

// Kernels is one implementation. The rows of dst are as long as the taps or spans; src and dst do not overlap. Kernels with "Packed" in
// their name have three channels in the order of memory, step bytes (3 or 4) from one pixel to the next.
type Kernels struct {
	// Packed interpolates pixels into three rows of 0..32640.
	Packed func(dst [3][]int16, src []byte, taps []Tap, step int)
	// Plane interpolates single bytes into a row of -16384..16256.
	Plane func(dst []int16, src []byte, taps []Tap)
	// Pairs interpolates interleaved pairs of bytes into two rows of -16384..16256.
	Pairs func(first, second []int16, src []byte, taps []Tap)
	// Wide interpolates samples of 0..32640; src has one sample more than the taps' indices need.
	Wide func(dst, src []int16, taps []WideTap)

	// PackedArea, PlaneArea, PairsArea and WideArea take the mean over the area that an output sample covers.
	PackedArea func(dst [3][]int16, src []byte, c Coverage, step int)
	PlaneArea  func(dst []int16, src []byte, c Coverage)
	PairsArea  func(first, second []int16, src []byte, c Coverage)
	WideArea   func(dst, src []int16, c Coverage)
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{
		Packed: packed, Plane: plane, Pairs: pairs, Wide: wide,
		PackedArea: packedArea, PlaneArea: planeArea, PairsArea: pairsArea, WideArea: wideArea,
	})
}
