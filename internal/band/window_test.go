package band

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// copyWindows copies to dst what Window and Rows name of src for columns x0..x1-1 of lines y0..y1-1.
func copyWindows(t *testing.T, s *Sampler, dst, src *frame.Frame, x0, x1, y0, y1 int) {
	t.Helper()
	for p := range s.Inputs() {
		w := s.Window(p, x0, x1)
		rows := s.Rows(nil, p, y0, y1)
		if !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != len(rows) {
			t.Fatalf("%+v: plane %d, lines %d..%d: got rows %v, want rising ones", s.config, p, y0, y1, rows)
		}
		for _, row := range rows {
			copy(dst.Row(p, int(row))[w.From:w.To], src.Row(p, int(row))[w.From:w.To])
		}
	}
}

// TestWindow: the samples of an MCU do not depend on what lies outside of its windows, whatever the geometry, and FillColumns makes
// them.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 11))
	splits := 0
	for n := range 400 {
		data := make(choices, 24)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		c := data.config()
		if n%4 == 0 { // Few of the others are not resized.
			c = wholeConfig(c.In, c.In.Width, c.In.Height)
		}
		s := mustSampler(t, c)
		subX, _ := c.subsampling()
		width := 8 * subX
		if c.Space != YCC {
			width = 8
		}
		x0 := r.IntN((c.Width+width-1)/width) * width
		x1 := min(x0+width*(1+r.IntN(2)), c.Width)
		y0 := r.IntN(s.Bands()) * c.Lines
		y1 := min(y0+c.Lines, c.Height)
		a, b := randomFrame(t, c.In, r), randomFrame(t, c.In, r)
		copyWindows(t, s, &b, &a, x0, x1, y0, y1)
		want, got := s.NewScratch(), s.NewScratch()
		s.Fill(want, &a, y0/c.Lines)
		s.Fill(got, &b, y0/c.Lines)
		if s.Splits() {
			splits++
			*got = *s.NewScratch()
			s.FillColumns(got, &b, y0/c.Lines, x0, x1)
		}
		for p := range s.planeCount {
			l, to := &s.planes[p], x1
			if x1 == c.Width {
				to = s.planes[p].padded * s.planes[p].subX
			}
			for y := range l.lines {
				x := x0 / l.subX
				g, w := got.Band.Planes[p].line(x, y, to/l.subX-x), want.Band.Planes[p].line(x, y, to/l.subX-x)
				if !slices.Equal(g, w) {
					t.Fatalf("%+v: columns %d..%d of band %d, plane %d, line %d: got %v, want %v as before a change outside of the windows",
						c, x0, x1, y0/c.Lines, p, y, g, w)
				}
			}
		}
	}
	if splits < 10 {
		t.Errorf("got %d samplers that make columns alone, want some", splits)
	}
}

// TestWindowIsTight: where nothing is resized a window is the pixels themselves, and where rows are left out they are not in it.
func TestWindowIsTight(t *testing.T) {
	for _, tt := range []struct {
		format      frame.PixelFormat
		plane       int
		width, rows int
		want        Window
		wantRows    []int32
	}{
		{frame.BGR24, 0, 64, 48, Window{48, 96}, []int32{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}},
		{frame.BGRF32P, 2, 64, 48, Window{64, 128}, []int32{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}},
		{frame.NV12, 1, 64, 48, Window{16, 32}, []int32{8, 9, 10, 11, 12, 13, 14, 15}},
		{frame.I420, 2, 64, 48, Window{8, 16}, []int32{8, 9, 10, 11, 12, 13, 14, 15}},
		{frame.Gray8, 0, 192, 240, Window{49, 95}, []int32{82, 87, 92, 97, 102, 107, 112, 117, 122, 127, 132, 137, 142, 147, 152, 157}},
	} {
		s := mustSampler(t, wholeConfig(frame.Desc{Format: tt.format, Width: tt.width, Height: tt.rows}, 64, 48))
		if got := s.Window(tt.plane, 16, 32); got != tt.want {
			t.Errorf("%v plane %d: got %+v, want %+v", tt.format, tt.plane, got, tt.want)
		}
		if got := s.Rows(nil, tt.plane, 16, 32); !slices.Equal(got, tt.wantRows) {
			t.Errorf("%v plane %d: got rows %v, want %v", tt.format, tt.plane, got, tt.wantRows)
		}
	}
}
