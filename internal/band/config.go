package band

import (
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
)

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
