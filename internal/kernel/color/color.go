// Package color holds conversions between R, G, B and luma and chroma.
//
// Notation: rows are int16 with 7 fractional bits, R, G, B in 0..32640, luma less 128 (Y) in -16384..16256, chroma (Cb, Cr) centered on 0 in
// -16384..16320; what is made of R, G, B is at least -16320. Lines of a band are the same with 4 fractional bits: R, G, B in 0..4080, Y in
// -2048..2032, Cb, Cr in -2048..2040. Luma and chroma are those of JPEG: full range, ITU-R BT.601 (ITU-T T.871, section 7).
package color

import "github.com/steadyframe/steadyframe/internal/impl"

// Packed says how the channels of an 8-bit pixel lie in memory.
type Packed struct {
	Step     int  // bytes from one pixel to the next, 3 or 4
	RedFirst bool // R, G, B; else B, G, R
}

// Kernels is one implementation. Sources and destinations do not overlap unless the text says "in place".
type Kernels struct {
	// YCC converts rows R, G, B to rows Y, Cb, Cr of the same length.
	YCC func(dst, rgb [3][]int16)
	// YCCHalf is YCC with chroma halved across: Cb and Cr are those of the means of neighbors, (n+1)/2 long for n samples of Y. The last of
	// an odd number is its own neighbor.
	YCCHalf func(dst, rgb [3][]int16)
	// Luma converts rows R, G, B to the row Y.
	Luma func(y []int16, rgb [3][]int16)

	// PackedYCC, PackedYCCHalf and PackedLuma do so for 8-bit pixels that are not interpolated, one for each sample of Y.
	PackedYCC     func(dst [3][]int16, src []byte, p Packed)
	PackedYCCHalf func(dst [3][]int16, src []byte, p Packed)
	PackedLuma    func(y []int16, src []byte, p Packed)

	// PackedLines makes lines of a band of rows of 8-bit pixels that are interpolated in neither direction: what PackedYCCHalf, and then
	// blend's Line and Mean, make of them, two lines of two rows. nil where there is no such kernel.
	PackedLines func(dst *Pairs, src *Pixels, p Packed)

	// HalvedLines makes two lines of two pairs of rows of pixels that are resized to half their size in both directions. dst is half as wide.
	HalvedLines func(dst Lines, rows Rows, p Packed)

	// PlanarLines and HalvedPlanarLines are PackedLines, for two lines, and HalvedLines for R, G and B in rows of their own, of a byte a pixel.
	// The Ahead of the rows of R is for those of G and B, too.
	PlanarLines, HalvedPlanarLines func(dst Lines, rgb [3]Rows)

	// Resize compiles z, which it borrows. It returns nil for what resample's Packed and the kernels above are to do.
	Resize func(z *Resize) *Resized

	// ResizePlanar compiles z, which it borrows. It returns nil for what resample's Plane and the kernels above are to do.
	ResizePlanar func(z *PlanarResize) *PlanarResized

	// ExpandLuma and ExpandChroma stretch a row of limited range to full range in place.
	ExpandLuma   func(y []int16)
	ExpandChroma func(c []int16)

	// LumaTo601 makes lines Y of BT.601 of lines of BT.709, in place; sample x goes with chroma sample x>>shift. ChromaTo601 does so for Cb
	// and Cr, after the luma.
	LumaTo601   func(y, cb, cr []int16, shift uint)
	ChromaTo601 func(cb, cr []int16)
	// RGB makes lines R, G, B of lines Y, Cb, Cr in place.
	RGB func(ycc [3][]int16, m Matrix)
}

// Lines is two lines of a band of n pixels: Y of each, and the (n+1)/2 samples of Cb and Cr that they share.
type Lines struct {
	Y      [2][]int16
	Cb, Cr []int16
}

// Pairs is lines of a band, twice Count of them, of Width pixels: Y of each, and the samples of Cb and Cr that two of them share, from the
// first on.
type Pairs struct {
	Y, Cb, Cr            []int16
	Stride, ChromaStride int // samples from a line to the next
	Width, Count         int
}

// pair returns the lines of pair i.
func (d *Pairs) pair(i int) (y0, y1, cb, cr []int16) {
	n, half := d.Width, (d.Width+1)/2
	y, c := 2*i*d.Stride, i*d.ChromaStride
	return d.Y[y:][:n], d.Y[y+d.Stride:][:n], d.Cb[c:][:half], d.Cr[c:][:half]
}

// Pixels is rows of 8-bit pixels from the first on, as many as there are lines, or one less: then the last is used twice.
type Pixels struct {
	Pix    []byte
	Stride int // bytes from a row to the next
	Rows   int
	Ahead  int // rows to fetch into the caches: those that lie so many bytes behind; 0 for none
}

// pair returns the n bytes of each of the rows of pair i.
func (s *Pixels) pair(i, n int) (upper, lower []byte) {
	return s.Pix[2*i*s.Stride:][:n], s.Pix[min(2*i+1, s.Rows-1)*s.Stride:][:n]
}

// Rows is what two lines are made of: of a row of 8-bit pixels each, or of two each, the lower of which is Stride bytes behind the
// upper. Of planes it is the same for one channel.
type Rows struct {
	Upper, Lower []byte
	Stride       int // where there are two rows
	Ahead        int // rows to fetch into the caches: those that lie so many bytes behind; 0 for none
}

// Matrix names a luma and chroma matrix.
type Matrix uint8

// The matrices.
const (
	BT601 Matrix = iota // ITU-T T.871, section 7
	BT709               // ITU-R BT.709-6, section 3
)

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

// generic is plain Go: the definition of each kernel's result.
var generic = Kernels{
	YCC: ycc, YCCHalf: yccHalf, Luma: luma,
	PackedYCC: packedYCC, PackedYCCHalf: packedYCCHalf, PackedLuma: packedLuma,
	PackedLines: packedLines, HalvedLines: halvedLines,
	PlanarLines: planarLines, HalvedPlanarLines: halvedPlanarLines,
	Resize: resizeNothing, ResizePlanar: resizePlanarNothing,
	ExpandLuma: expandLuma, ExpandChroma: expandChroma,
	LumaTo601: lumaTo601, ChromaTo601: chromaTo601, RGB: rgb,
}

func init() { Implementations.Register(impl.Generic, generic) }
