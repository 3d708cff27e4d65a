package band

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestConverter: the columns of bands, in parts and in any order, are what a Sampler makes of the whole frame.
func TestConverter(t *testing.T) {
	const seed = 4
	r := rand.New(rand.NewPCG(seed, 0))
	for _, c := range []Config{
		{Space: YCC, ChromaX: 2, ChromaY: 2, Lines: 16}, {Space: YCC, ChromaX: 2, ChromaY: 1, Lines: 8},
		{Space: YCC, ChromaX: 1, ChromaY: 1, Lines: 8}, {Space: Luma, ChromaX: 1, ChromaY: 1, Lines: 8},
	} {
		for _, size := range [][2]int{{1, 1}, {15, 15}, {16, 17}, {129, 33}, {256, 16}, {100, 31}} {
			c.Width, c.Height = size[0], size[1]
			conv, err := NewConverter(c)
			if err != nil {
				t.Fatal(err)
			}
			c.In = frame.Desc{Format: frame.RGB24, Width: c.Width, Height: c.Height}
			c.Crop = Rect{Width: c.Width, Height: c.Height}
			c.Content = c.Crop
			s := mustSampler(t, c)
			f := randomFrame(t, c.In, r)
			want, got := s.NewScratch(), conv.NewScratch()
			for i := range s.Bands() {
				s.Fill(want, &f, i)
				first := i * c.Lines
				rows := min(c.Lines, c.Height-first)
				for _, x := range r.Perm((c.Width + 15) / 16) {
					x *= 16
					conv.Fill(got, x, Pixels{
						Pix: f.Plane(0).Pix[first*f.Plane(0).Stride+3*x:], Stride: f.Plane(0).Stride, Columns: min(16, c.Width-x), Rows: rows,
					})
				}
				for p := range 3 {
					if !slices.Equal(got.Band.Planes[p].Pix, want.Band.Planes[p].Pix) {
						t.Fatalf("%+v, band %d, plane %d, seed %d: samples differ from a Sampler's", c, i, p, seed)
					}
				}
				if got.Band.Lines != rows {
					t.Errorf("%+v, band %d: got %d lines, want %d", c, i, got.Band.Lines, rows)
				}
			}
			row := Pixels{Pix: f.Plane(0).Pix, Stride: f.Plane(0).Stride, Columns: c.Width, Rows: min(c.Lines, c.Height)}
			alloctestUnlessRace(t, func() { conv.Fill(got, 0, row) })
		}
	}
}

// TestGray: bytes are luma as a Sampler has it of gray frames.
func TestGray(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, 0))
	for _, size := range [][2]int{{1, 1}, {7, 9}, {8, 8}, {41, 20}} {
		w, h := size[0], size[1]
		d := frame.Desc{Format: frame.Gray8, Width: w, Height: h}
		whole := Rect{Width: w, Height: h}
		s := mustSampler(t, Config{In: d, Crop: whole, Content: whole, Width: w, Height: h, Space: Luma, ChromaX: 1, ChromaY: 1, Lines: 8})
		f, want, got := randomFrame(t, d, r), s.NewScratch(), NewGray(w)
		for i := range s.Bands() {
			s.Fill(want, &f, i)
			for _, x := range r.Perm((w + 7) / 8) {
				x *= 8
				p := f.Plane(0)
				got.Fill(x, Pixels{Pix: p.Pix[8*i*p.Stride+x:], Stride: p.Stride, Columns: min(8, w-x), Rows: min(8, h-8*i)})
			}
			if !slices.Equal(got.Band.Planes[0].Pix, want.Band.Planes[0].Pix) {
				t.Fatalf("%v, band %d, seed %d: samples differ from a Sampler's", size, i, seed)
			}
		}
	}
}

// alloctestUnlessRace is alloctest.Zero in a subtest, which the race detector skips.
func alloctestUnlessRace(t *testing.T, f func()) {
	t.Helper()
	t.Run("allocs", func(t *testing.T) { alloctest.Zero(t, 3, f) })
}
