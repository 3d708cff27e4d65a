// Package band turns a frame into bands: runs of 16 or 8 output lines of int16 samples, cropped, resized and color-converted.
//
// A Sampler is compiled geometry; a Scratch is one worker's memory. Each input row is interpolated across and converted to the colors of
// the output once, into a short row of int16 samples; output lines are blends of two such rows, or means of several, written straight
// into the band. There is no 8-bit intermediate and no image-sized memory. docs/adr/0007-rows-and-bands.md has the reasons and the
// arithmetic.
package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// Space is what the samples of a band are.
type Space uint8

// The spaces.
const (
	YCC  Space = iota // full-range BT.601 luma - 128 and chroma centered on 0, as JPEG has them
	RGB               // R, G, B
	Luma              // luma - 128 alone; that of BT.709 input stays as it is
)

// Filter is how samples between those of the input are made.
type Filter uint8

// The filters. Positions are those of half-pixel centers, exact, clamped to the crop.
const (
	Bilinear Filter = iota // from the two neighbors, whatever the ratio
	Area                   // the mean over the area that an output sample covers; Bilinear along a direction that grows
	Nearest                // the input sample that the center lies in
	Box                    // the mean of the samples that the pixels of an output sample lie in; only where nothing is resized
)

// Rect is in pixels.
type Rect struct{ X, Y, Width, Height int }

// Config is the whole geometry of a Sampler.
type Config struct {
	In               frame.Desc
	Crop             Rect // of the input, never empty
	Width, Height    int  // of the output canvas
	Content          Rect // where the resized crop lands on the canvas; its edges lie on the chroma grid or on the canvas's edges
	Filter           Filter
	Space            Space
	ChromaX, ChromaY int        // 1 or 2: subsampling of planes 1 and 2 (YCC alone)
	Lines            int        // output lines a band: 16 or 8
	Background       [3]uint8   // R, G, B around Content
	Limit            impl.Level // of the kernels to choose from; zero is none

	// Chroma is how the chroma planes of planar input are subsampled; zero: as In.Format has them. With it In.Format is I420,
	// and FillPlanes takes the planes, since no frame.Frame can have them.
	Chroma Chroma
}

// Chroma is where the samples of chroma planes lie. The first column of the chroma planes is the one that the first pixel lies
// in, as its pixel PhaseX, and so are rows.
type Chroma struct {
	X, Y           int // pixels that a sample spans across and down: 1, 2 or 4
	PhaseX, PhaseY int // below X and Y
}

// Band is the samples of one band, with 4 fractional bits (value x 16): R, G, B in 0..4080, luma in -2048..2032, chroma in -2048..2040 (its
// byte 0 is half a step beyond what R, G, B can make).
// Rows are padded by replication to whole 16x16 (or 8x8) blocks, and so are lines below the image.
type Band struct {
	Planes [3]Plane // Y, Cb, Cr or R, G, B; Luma: plane 0 alone
	Lines  int      // lines that are inside the image, 1..Config.Lines
}

// Plane is one plane of a band.
type Plane struct {
	Pix           []int16
	Stride        int // samples between lines
	Width, Height int // padded
}

// line returns the first n samples of line y from x on.
func (p *Plane) line(x, y, n int) []int16 { return p.Pix[y*p.Stride+x:][:n:n] }
