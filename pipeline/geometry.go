package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/jpeg"
)

// OutputSize returns the width and height, in pixels, of the images that s makes; zeros when Input or Crop is empty.
func (s Spec) OutputSize() (width, height int) {
	c := s.crop()
	switch w, h := s.Resize.Width, s.Resize.Height; {
	case c.Width < 1 || c.Height < 1:
		return 0, 0
	case w == 0 && h == 0:
		return c.Width, c.Height
	case w == 0:
		return scale(c.Width, h, c.Height), h
	case h == 0:
		return w, scale(c.Height, w, c.Width)
	default:
		return w, h
	}
}

// scale returns n*num/den rounded to the nearest integer, halves up, but at least 1.
func scale(n, num, den int) int {
	n64, num64, den64 := int64(n), int64(num), int64(den)
	return int(max(1, (2*n64*num64+den64)/(2*den64)))
}

// crop returns the part of the input that is asked for: Crop, or the whole.
func (s Spec) crop() band.Rect {
	if s.Crop == (Rect{}) {
		return band.Rect{Width: s.Input.Width, Height: s.Input.Height}
	}
	return band.Rect(s.Crop)
}

// rawDesc is the geometry of a raw output.
func (s Spec) rawDesc() frame.Desc {
	w, h := s.OutputSize()
	px, _ := s.Output.Format.PixelFormat()
	return frame.Desc{Format: px, Width: w, Height: h}
}

// RawBytes returns the size of a raw output in bytes; 0 for a JPEG, whose size depends on the frame. s must be valid.
func (s Spec) RawBytes() int {
	if s.Output.Format == JPEG {
		return 0
	}
	size, _ := s.rawDesc().Size() // Validate has seen it.
	return size
}

// geometry returns the Config of s's band sampler but for Lines.
func (s Spec) geometry() band.Config {
	c := band.Config{
		In:         s.Input,
		Crop:       s.crop(),
		Filter:     s.Resize.Filter.sampler(),
		ChromaX:    1,
		ChromaY:    1,
		Background: [3]uint8{s.Resize.Background.R, s.Resize.Background.G, s.Resize.Background.B},
	}
	c.Width, c.Height = s.OutputSize()
	c.Content = band.Rect{Width: c.Width, Height: c.Height}
	c.Space, c.ChromaX, c.ChromaY = s.Output.space()
	if s.Resize.Width == 0 || s.Resize.Height == 0 {
		return c // The aspect is kept: all modes are the same.
	}
	switch s.Resize.Mode {
	case Fit:
		c.Content = fit(c.Crop, c.Width, c.Height, c.ChromaX, c.ChromaY)
	case Fill:
		c.Crop = fill(c.Crop, c.Width, c.Height)
	}
	return c
}

// space returns what bands hold for the output: the color space, and how many pixels a chroma sample spans across and
// down.
func (o Output) space() (space band.Space, chromaX, chromaY int) {
	switch {
	case o.Format == RawI420, o.Format == JPEG && o.Subsampling == jpeg.Sub420:
		return band.YCC, 2, 2
	case o.Format != JPEG:
		return band.RGB, 1, 1
	case o.Subsampling == jpeg.Gray:
		return band.Luma, 1, 1
	case o.Subsampling == jpeg.Sub422:
		return band.YCC, 2, 1
	default:
		return band.YCC, 1, 1
	}
}

// interval returns the restart interval: Restart, or the one that Reuse stands for.
func (o Output) interval() Restart {
	if o.Reuse == ReuseNone || o.Restart != RestartNone {
		return o.Restart
	}
	_, x, y := o.space()
	return Restart(jpegcore.SegmentInterval(x, y))
}

func (f Filter) sampler() band.Filter {
	switch f {
	case Area:
		return band.Area
	case Nearest:
		return band.Nearest
	default:
		return band.Bilinear
	}
}

// fit returns the largest centered rectangle of a width x height canvas that has the aspect of c, rounded to whole
// pixels and then to whole chroma samples: along an axis where a chroma sample spans two pixels, offset and size are
// even, unless the rectangle spans the canvas. So no chroma sample is of both image and background.
func fit(c band.Rect, width, height, chromaX, chromaY int) band.Rect {
	w, h := width, height
	if int64(c.Width)*int64(height) >= int64(c.Height)*int64(width) {
		h = min(height, scale(c.Height, width, c.Width))
	} else {
		w = min(width, scale(c.Width, height, c.Height))
	}
	var r band.Rect
	r.X, r.Width = center(w, width, chromaX)
	r.Y, r.Height = center(h, height, chromaY)
	return r
}

// center returns where n pixels lie in the middle of canvas pixels, rounded to multiples of grid: the size up, the
// offset down.
func center(n, canvas, grid int) (offset, size int) {
	size = (n + grid - 1) / grid * grid
	if size >= canvas {
		return 0, canvas
	}
	return (canvas - size) / 2 / grid * grid, size
}

// fill returns the largest centered part of c that has the aspect of width x height, rounded to whole pixels.
func fill(c band.Rect, width, height int) band.Rect {
	if int64(c.Width)*int64(height) > int64(c.Height)*int64(width) {
		w := min(c.Width, scale(c.Height, width, height))
		c.X, c.Width = c.X+(c.Width-w)/2, w
	} else {
		h := min(c.Height, scale(c.Width, height, width))
		c.Y, c.Height = c.Y+(c.Height-h)/2, h
	}
	return c
}
