package synth_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// newFrame returns a frame of d, tightly packed in data, that holds 0xDB where nothing was written.
func newFrame(t testing.TB, d frame.Desc) (f frame.Frame, data []byte) {
	t.Helper()
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Repeat([]byte{0xDB}, size)
	f, err = frame.WrapBytes(d, data)
	if err != nil {
		t.Fatal(err)
	}
	return f, data
}

// toImage returns a BGR24 frame as an image.
func toImage(f *frame.Frame) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, f.Desc.Width, f.Desc.Height))
	for y := range f.Desc.Height {
		row := f.Row(0, y)
		for x := range f.Desc.Width {
			img.SetRGBA(x, y, color.RGBA{R: row[x*3+2], G: row[x*3+1], B: row[x*3], A: 255})
		}
	}
	return img
}

func TestSceneFollowsFromItsArguments(t *testing.T) {
	d := frame.Desc{Format: frame.BGR24, Width: 160, Height: 90}
	render := func(s *synth.Scene, n int) []byte {
		f, data := newFrame(t, d)
		s.Render(&f, n)
		return data
	}
	s, same, other := synth.New(160, 90, 1), synth.New(160, 90, 1), synth.New(160, 90, 2)
	first := render(s, 5)
	render(s, 1000)
	if !bytes.Equal(first, render(s, 5)) {
		t.Error("frame 5 is another one when it is made a second time")
	}
	if !bytes.Equal(first, render(same, 5)) {
		t.Error("two scenes of one seed differ")
	}
	if bytes.Equal(first, render(other, 5)) {
		t.Error("scenes of two seeds are the same")
	}
	if bytes.Equal(first, render(s, 6)) {
		t.Error("frames 5 and 6 are the same")
	}
}

// endsAfter is a context that ends when it has been checked that many times.
type endsAfter struct {
	context.Context
	looks int
}

func (c *endsAfter) Err() error {
	if c.looks--; c.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestPaintingIsGivenUp, whatever is being painted: the context is looked at once for each row of each layer and
// balloon, and for each row of trees and of grass, at least.
func TestPaintingIsGivenUp(t *testing.T) {
	const many = 1 << 20
	ctx := &endsAfter{t.Context(), many}
	if s, err := synth.NewContext(ctx, 64, 36, 1); s == nil || err != nil {
		t.Fatalf("got %v, want a scene", err)
	}
	looks := many - ctx.looks
	if looks < 80+9+60+57 { // layers, trees, grass, balloons
		t.Fatalf("the context was looked at %d times", looks)
	}
	for n := range looks {
		ctx := &endsAfter{t.Context(), n}
		if s, err := synth.NewContext(ctx, 64, 36, 1); s != nil {
			t.Fatalf("after %d of %d looks: got a scene, %v", n, looks, err)
		}
		if over := -ctx.looks; over > 5 { // once or twice on each way out
			t.Fatalf("after %d of %d looks: painting went on for %d more", n, looks, over)
		}
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	if s, err := synth.NewContext(ended, 64, 36, 1); s != nil || err != io.ErrClosedPipe {
		t.Errorf("got %v, %v, want the context's cause", s, err)
	}
}

// TestSceneIsLikePhotographs: frames are as hard to encode as photographs are: 0.8 to 2.5 bits a pixel at quality 75,
// 4:2:0.
func TestSceneIsLikePhotographs(t *testing.T) {
	for _, size := range []image.Point{{320, 180}, {640, 360}} {
		for seed := range uint64(8) { // each mood once
			s := synth.New(size.X, size.Y, seed)
			f, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: size.X, Height: size.Y})
			for _, n := range []int{0, 4567} {
				s.Render(&f, n)
				var b bytes.Buffer
				if err := jpeg.Encode(&b, toImage(&f), &jpeg.Options{Quality: 75}); err != nil {
					t.Fatal(err)
				}
				if bpp := float64(b.Len()*8) / float64(size.X*size.Y); bpp < 0.8 || bpp > 2.5 {
					t.Errorf("%v, seed %d, frame %d: got %.2f bits a pixel, want 0.8..2.5", size, seed, n, bpp)
				}
			}
		}
	}
}

// TestRenderFormats: a frame in any format, at any stride, is the BGR24 frame converted, and padding stays as it was.
func TestRenderFormats(t *testing.T) {
	const w, h, n, pad = 37, 23, 11, 5
	s := synth.New(w, h, 3)
	bgr, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: w, Height: h})
	s.Render(&bgr, n)
	for _, format := range frame.Formats() {
		d := frame.Desc{Format: format, Width: w, Height: h}
		want, _ := newFrame(t, d)
		synth.Fill(&want, func(x, y int) (r, g, b uint8) {
			px := bgr.Row(0, y)[x*3:]
			return px[2], px[1], px[0]
		})
		var planes []frame.Plane
		var memory [][]byte
		for i := range format.Planes() {
			_, ph, rowBytes := d.PlaneSize(i)
			pix := bytes.Repeat([]byte{0xDB}, ph*(rowBytes+pad))
			memory = append(memory, pix)
			planes = append(planes, frame.Plane{Pix: pix, Stride: rowBytes + pad})
		}
		got, err := frame.Wrap(d, planes...)
		if err != nil {
			t.Fatal(err)
		}
		s.Render(&got, n)
		for i := range got.Planes() {
			_, ph, rowBytes := d.PlaneSize(i)
			for y := range ph {
				if !bytes.Equal(got.Row(i, y), want.Row(i, y)) {
					t.Fatalf("%s: plane %d, row %d differs from the BGR24 frame's, converted", d, i, y)
				}
				if gap := memory[i][y*(rowBytes+pad)+rowBytes:][:pad]; !bytes.Equal(gap, bytes.Repeat([]byte{0xDB}, pad)) {
					t.Fatalf("%s: plane %d, row %d: the padding was written", d, i, y)
				}
			}
		}
	}
}

// TestMoods: scenes of seeds in a row can be told apart at a glance: sky, hills or meadow differ in color.
func TestMoods(t *testing.T) {
	const w, h, seeds, least = 160, 90, 8, 12
	var looks [seeds][9]float64 // means of B, G and R of the three thirds, from above
	for seed := range looks {
		f, data := newFrame(t, frame.Desc{Format: frame.BGR24, Width: w, Height: h})
		synth.New(w, h, uint64(seed)).Render(&f, 0)
		for i, v := range data {
			looks[seed][i*3/len(data)*3+i%3] += float64(v) / (w * h / 3)
		}
		for other := range seed {
			most := 0.0
			for i, mean := range looks[seed] {
				most = max(most, math.Abs(mean-looks[other][i]))
			}
			if most < least {
				t.Errorf("seeds %d and %d: got means that differ by %.1f levels at most, want %d", other, seed, most, least)
			}
		}
	}
}

func TestSmallScenes(t *testing.T) {
	for w := 1; w <= 9; w++ {
		for h := 1; h <= 9; h++ {
			s := synth.New(w, h, 1)
			for _, format := range frame.Formats() {
				f, _ := newFrame(t, frame.Desc{Format: format, Width: w, Height: h})
				s.Render(&f, w*h)
			}
		}
	}
	s := synth.New(3000, 1, math.MaxUint64)
	f, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: 3000, Height: 1})
	s.Render(&f, 0)
}

func TestScenePanics(t *testing.T) {
	tests := []struct {
		name string
		call func()
		want string
	}{
		{"no-width", func() { synth.New(0, 1, 1) }, "synth: size out of range"},
		{"no-height", func() { synth.New(1, 0, 1) }, "synth: size out of range"},
		{"wide", func() { synth.New(65536, 1, 1) }, "synth: size out of range"},
		{"high", func() { synth.New(1, 65536, 1) }, "synth: size out of range"},
		{"other-size", func() {
			f, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: 3, Height: 2})
			synth.New(2, 3, 1).Render(&f, 0)
		}, "synth: Render into a frame of another size"},
		{"index-negative", func() { synth.Index(64, 32, -1) }, "synth: index out of range"},
		{"index-large", func() { synth.Index(64, 32, synth.MaxIndex) }, "synth: index out of range"},
		{"index-small-image", func() { synth.Index(63, 32, 0) }, "synth: image too small for an index"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("got panic %v, want %q", got, tt.want)
				}
			}()
			tt.call()
		})
	}
}

func TestRenderAllocates(t *testing.T) {
	s := synth.New(64, 36, 1)
	for _, format := range frame.Formats() {
		f, _ := newFrame(t, frame.Desc{Format: format, Width: 64, Height: 36})
		n := 0
		alloctest.Zero(t, 50, func() {
			s.Render(&f, n)
			n++
		})
	}
}

func BenchmarkRender(b *testing.B) {
	for _, format := range []frame.PixelFormat{frame.BGR24, frame.I420} {
		b.Run(fmt.Sprintf("fmt=%s/size=640x360", format), func(b *testing.B) {
			s := synth.New(640, 360, 1)
			f, _ := newFrame(b, frame.Desc{Format: format, Width: 640, Height: 360})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s.Render(&f, n)
				n++
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	b.Run("size=640x360", func(b *testing.B) {
		for b.Loop() {
			synth.New(640, 360, 1)
		}
	})
}
