package pipeline

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/jpeg"
)

func TestGeometry(t *testing.T) {
	tests := []struct {
		name    string
		crop    Rect
		resize  Resize
		output  Output
		width   int
		height  int
		from    band.Rect // of the 640x360 input
		content band.Rect
	}{
		{"none", Rect{}, Resize{}, Output{}, 640, 360, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 640, Height: 360}},
		{"crop", Rect{X: 3, Y: 5, Width: 7, Height: 9}, Resize{}, Output{}, 7, 9, band.Rect{X: 3, Y: 5, Width: 7, Height: 9}, band.Rect{Width: 7, Height: 9}},
		{"stretch", Rect{}, Resize{Width: 320, Height: 320}, Output{}, 320, 320, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 320, Height: 320}},
		{"width-alone", Rect{}, Resize{Width: 320}, Output{}, 320, 180, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 320, Height: 180}},
		{"width-alone-rounds-up", Rect{}, Resize{Width: 1000}, Output{}, 1000, 563, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 1000, Height: 563}},
		{"height-alone", Rect{}, Resize{Height: 90, Mode: Fill}, Output{}, 160, 90, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 160, Height: 90}},
		{"at-least-1", Rect{Width: 640, Height: 1}, Resize{Width: 10}, Output{}, 10, 1, band.Rect{Width: 640, Height: 1}, band.Rect{Width: 10, Height: 1}},
		{"fit-wide", Rect{}, Resize{Width: 320, Height: 320, Mode: Fit}, Output{}, 320, 320, band.Rect{Width: 640, Height: 360}, band.Rect{Y: 70, Width: 320, Height: 180}},
		{"fit-tall", Rect{Width: 90, Height: 360}, Resize{Width: 320, Height: 320, Mode: Fit}, Output{}, 320, 320, band.Rect{Width: 90, Height: 360}, band.Rect{X: 120, Width: 80, Height: 320}},
		{"fit-even-420", Rect{}, Resize{Width: 100, Height: 100, Mode: Fit}, Output{}, 100, 100, band.Rect{Width: 640, Height: 360}, band.Rect{Y: 22, Width: 100, Height: 56}},
		{"fit-odd-422", Rect{}, Resize{Width: 100, Height: 101, Mode: Fit}, Output{Subsampling: jpeg.Sub422}, 100, 101, band.Rect{Width: 640, Height: 360}, band.Rect{Y: 22, Width: 100, Height: 56}},
		{"fit-odd-rgb", Rect{}, Resize{Width: 101, Height: 101, Mode: Fit}, Output{Format: RawRGB24}, 101, 101, band.Rect{Width: 640, Height: 360}, band.Rect{Y: 22, Width: 101, Height: 57}},
		{"fit-same-aspect", Rect{}, Resize{Width: 1280, Height: 720, Mode: Fit}, Output{}, 1280, 720, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 1280, Height: 720}},
		{"fit-canvas-of-1", Rect{}, Resize{Width: 1, Height: 1, Mode: Fit}, Output{}, 1, 1, band.Rect{Width: 640, Height: 360}, band.Rect{Width: 1, Height: 1}},
		{"fill-wide", Rect{}, Resize{Width: 320, Height: 320, Mode: Fill}, Output{}, 320, 320, band.Rect{X: 140, Width: 360, Height: 360}, band.Rect{Width: 320, Height: 320}},
		{"fill-tall", Rect{}, Resize{Width: 640, Height: 90, Mode: Fill}, Output{}, 640, 90, band.Rect{Y: 135, Width: 640, Height: 90}, band.Rect{Width: 640, Height: 90}},
		{"fill-in-crop", Rect{X: 10, Y: 20, Width: 200, Height: 100}, Resize{Width: 50, Height: 50, Mode: Fill}, Output{}, 50, 50, band.Rect{X: 60, Y: 20, Width: 100, Height: 100}, band.Rect{Width: 50, Height: 50}},
		{"fill-thin", Rect{}, Resize{Width: 1, Height: 65535, Mode: Fill}, Output{}, 1, 65535, band.Rect{X: 319, Width: 1, Height: 360}, band.Rect{Width: 1, Height: 65535}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, Crop: tt.crop, Resize: tt.resize, Output: tt.output}
			c := s.geometry()
			if c.Width != tt.width || c.Height != tt.height {
				t.Errorf("canvas: got %dx%d, want %dx%d", c.Width, c.Height, tt.width, tt.height)
			}
			if c.Crop != tt.from {
				t.Errorf("crop: got %v, want %v", c.Crop, tt.from)
			}
			if c.Content != tt.content {
				t.Errorf("content: got %v, want %v", c.Content, tt.content)
			}
			checkGeometry(t, s)
		})
	}
}

// Properties that every valid Spec's geometry has, whatever the sizes.
func TestGeometryProperties(t *testing.T) {
	const seed = 17
	rng := rand.New(rand.NewPCG(seed, 0))
	side := func() int { return 1 + rng.IntN(1<<(1+rng.IntN(12))) }
	for range 20000 {
		s := Spec{
			Input:  frame.Desc{Format: frame.BGR24, Width: side(), Height: side()},
			Resize: Resize{Width: side(), Height: side(), Mode: Mode(rng.IntN(3))},
			Output: Output{Format: OutputFormat(rng.IntN(2) * int(RawI420))},
		}
		if s.Output.Format == JPEG {
			s.Output.Subsampling = jpeg.Subsampling(rng.IntN(4))
		}
		if s.Validate() == nil {
			checkGeometry(t, s)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkGeometry fails t when the geometry of s, which is valid, is not one that a sampler can serve, or is further from
// the aspect than rounding explains.
func checkGeometry(t *testing.T, s Spec) {
	t.Helper()
	c := s.geometry()
	whole, canvas := s.crop(), band.Rect{Width: c.Width, Height: c.Height}
	if !inside(c.Crop, whole) || !inside(c.Content, canvas) {
		t.Fatalf("%+v: crop %v of %v, content %v of %v: want parts, not empty", s, c.Crop, whole, c.Content, canvas)
	}
	if !aligned(c.Content.X, c.Content.Width, c.Width, c.ChromaX) || !aligned(c.Content.Y, c.Content.Height, c.Height, c.ChromaY) {
		t.Errorf("%+v: content %v of %v: want edges on the %dx%d chroma grid", s, c.Content, canvas, c.ChromaX, c.ChromaY)
	}
	if s.Resize.Width == 0 || s.Resize.Height == 0 || s.Resize.Mode == Stretch {
		if c.Crop != whole || c.Content != canvas {
			t.Errorf("%+v: crop %v, content %v: want all of both", s, c.Crop, c.Content)
		}
		return
	}
	// One side is exact. The other is off by half a pixel of rounding, and in mode Fit by up to one more for the chroma
	// grid.
	r, of, slack := c.Content, c.Crop, 1.5
	if s.Resize.Mode == Fill {
		r, of, slack = c.Crop, canvas, 0.5
	}
	aspect := float64(of.Width) / float64(of.Height)
	offBy := min(math.Abs(float64(r.Width)-float64(r.Height)*aspect), math.Abs(float64(r.Height)-float64(r.Width)/aspect))
	if offBy > slack+1e-6 && r.Width > 2 && r.Height > 2 {
		t.Errorf("%+v: got %v, %.2f pixels off the aspect of %v, want <= %.1f", s, r, offBy, of, slack)
	}
}

func inside(r, of band.Rect) bool {
	return r.Width >= 1 && r.Height >= 1 && r.X >= of.X && r.Y >= of.Y && r.X+r.Width <= of.X+of.Width && r.Y+r.Height <= of.Y+of.Height
}

// aligned reports whether a span lies on the grid of chroma samples, or on the end of the canvas.
func aligned(offset, size, canvas, grid int) bool {
	end := offset + size
	return offset%grid == 0 && (end%grid == 0 || end == canvas)
}
