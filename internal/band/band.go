// Package band turns a frame into bands: runs of 16 or 8 output lines of int16 samples, cropped, resized and color-converted.
//
// A Sampler is compiled geometry; a Scratch is one worker's memory. Each input row is interpolated across and converted to the colors of
// the output once, into a short row of int16 samples; output lines are blends of two such rows, or means of several, written straight
// into the band. There is no 8-bit intermediate and no image-sized memory. docs/adr/0007-rows-and-bands.md has the reasons and the
// arithmetic.
package band

import (
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// Space is the color space of a band's samples.
type Space uint8

// The spaces.
const (
	YCC  Space = iota // full-range BT.601 luma - 128 and chroma centered on 0, as JPEG has them
	RGB               // R, G, B
	Luma              // luma - 128 alone; that of BT.709 input stays as it is
)

// Filter is how samples between those of the input are computed.
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

// check returns an error for a Config that no Sampler can serve.
func (c *Config) check() error {
	if err := c.In.Validate(); err != nil {
		return fmt.Errorf("band: input: %w", err)
	}
	if c.Width < 1 || c.Width > frame.MaxSide || c.Height < 1 || c.Height > frame.MaxSide {
		return fmt.Errorf("band: canvas: got %dx%d, want sides 1..%d", c.Width, c.Height, frame.MaxSide)
	}
	if !c.Crop.inside(c.In.Width, c.In.Height) {
		return fmt.Errorf("band: crop: got %v, want a part of %dx%d", c.Crop, c.In.Width, c.In.Height)
	}
	if !c.Content.inside(c.Width, c.Height) {
		return fmt.Errorf("band: content: got %v, want a part of %dx%d", c.Content, c.Width, c.Height)
	}
	if c.Filter > Box {
		return fmt.Errorf("band: filter: got %d, want <= %d", uint8(c.Filter), uint8(Box))
	}
	if c.Filter == Box && (c.Crop.Width != c.Content.Width || c.Crop.Height != c.Content.Height) {
		return fmt.Errorf("band: filter: got box from %v to %v, want one size", c.Crop, c.Content)
	}
	if h := c.Chroma; h != (Chroma{}) && (c.In.Format != frame.I420 || !validStep(h.X) || !validStep(h.Y) ||
		h.PhaseX < 0 || h.PhaseX >= h.X || h.PhaseY < 0 || h.PhaseY >= h.Y) {
		return fmt.Errorf("band: chroma: got %+v of %s, want steps of 1, 2 or 4, and phases below them, of yuv420p", h, c.In.Format)
	}
	if c.Space > Luma {
		return fmt.Errorf("band: space: got %d, want <= %d", uint8(c.Space), uint8(Luma))
	}
	return c.checkGrid()
}

// validStep reports whether a chroma sample of the input may span n pixels along a side.
func validStep(n int) bool { return n == 1 || n == 2 || n == 4 }

// inputChroma is the subsampling of the input's chroma planes.
func (c *Config) inputChroma() Chroma {
	if c.Chroma != (Chroma{}) {
		return c.Chroma
	}
	return Chroma{X: 2, Y: 2}
}

// checkGrid is check for what the chroma subsampling takes part in.
func (c *Config) checkGrid() error {
	x, y := c.subsampling()
	if x < 1 || x > 2 || y < 1 || y > 2 {
		return fmt.Errorf("band: chroma subsampling: got %dx%d, want 1 or 2 each way", x, y)
	}
	if c.Lines != 8 && c.Lines != 16 || c.Lines < 8*y {
		return fmt.Errorf("band: lines: got %d, want 16, or 8 without vertical subsampling", c.Lines)
	}
	on := func(edge, side, step int) bool { return edge%step == 0 || edge == side }
	r := c.Content
	if !on(r.X, c.Width, x) || !on(r.X+r.Width, c.Width, x) || !on(r.Y, c.Height, y) || !on(r.Y+r.Height, c.Height, y) {
		return fmt.Errorf("band: content: got %v on %dx%d, want edges on the chroma grid of %dx%d", r, c.Width, c.Height, x, y)
	}
	return nil
}

// subsampling is that of planes 1 and 2 against plane 0.
func (c *Config) subsampling() (x, y int) {
	if c.Space != YCC {
		return 1, 1
	}
	return c.ChromaX, c.ChromaY
}

// inside reports whether r is a part of width x height, and not empty.
func (r Rect) inside(width, height int) bool {
	return r.X >= 0 && r.Y >= 0 && r.Width >= 1 && r.Height >= 1 &&
		r.X < width && r.Y < height && r.Width <= width-r.X && r.Height <= height-r.Y
}

// String returns the rectangle as 640x360+8+16.
func (r Rect) String() string { return fmt.Sprintf("%dx%d%+d%+d", r.Width, r.Height, r.X, r.Y) }
