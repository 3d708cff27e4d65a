package band

import (
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestNextBandAhead wants what is fetched for the next band to be rows that it is made of, all of them, but for those that Fill has
// fetched for it and those behind rows that it leaves out.
func TestNextBandAhead(t *testing.T) {
	crop := func(c Config, r Rect) Config {
		c.Crop = r
		return c
	}
	area := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 480}, 320, 200)
	area.Filter = Area
	letterbox := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 320, 320)
	letterbox.Content = Rect{0, 70, 320, 180}
	for _, tt := range []struct {
		name string
		c    Config
		none bool // nothing is fetched
	}{
		{"resized", wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 320, 320), false},
		{"not resized", wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 640, 360), false},
		{"half", wholeConfig(frame.Desc{Format: frame.RGBA, Width: 640, Height: 362}, 320, 181), false},
		{"rows left out", wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 1080}, 320, 320), false},
		{"letterboxed", letterbox, false},
		{"area", area, false},
		{"planes", wholeConfig(frame.Desc{Format: frame.I420, Width: 1280, Height: 720}, 1280, 720), false},
		{"floats", wholeConfig(frame.Desc{Format: frame.BGRF32P, Width: 320, Height: 320}, 320, 320), false},
		{"cropped a little", crop(wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 320, 320), Rect{30, 10, 590, 350}), false},
		{"cropped", crop(wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 320, 320), Rect{30, 10, 400, 350}), true},
		{"one band", wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 16}, 640, 16), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustSampler(t, tt.c)
			f := smoothFrame(t, tt.c.In)
			some := false
			for i := range s.Bands() {
				some = checkAhead(t, s, &f, i) || some
			}
			if some == tt.none {
				t.Errorf("got something to fetch: %v, want %v", some, !tt.none)
			}
			alloctest.Zero(t, 20, func() { s.Ahead(f.Planes(), 0) })
		})
	}
}

// TestPagesAhead wants a byte of each page of what lies behind the bytes of Ahead to be fetched, as much of it as these are, and nothing
// that is not the plane's.
func TestPagesAhead(t *testing.T) {
	s := mustSampler(t, wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 640, 360))
	f := smoothFrame(t, s.config.In)
	pix := f.Plane(0).Pix
	var got []int // places in pix
	s.kernels.resample.Prefetch = func(row []byte) {
		if len(row) != 1 || cap(row) > cap(pix) {
			t.Fatalf("got %d bytes to fetch, want one", len(row))
		}
		got = append(got, cap(pix)-cap(row))
	}
	pages := 0
	for i := range s.Bands() {
		got = nil
		ahead := s.Ahead(f.Planes(), i)
		if len(ahead) == 0 {
			continue
		}
		end := cap(pix) - cap(ahead) + len(ahead)
		var want []int
		for at := end; at < min(end+len(ahead), len(pix)); at += 4096 {
			want = append(want, at)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("band %d: got places %d, want %d", i, got, want)
		}
		pages += len(got)
	}
	if all := len(pix) / 4096; pages < all/2 || pages > all {
		t.Errorf("got %d pages, want most of the frame's %d", pages, all)
	}
}

// checkAhead checks what is fetched beside band i, and reports whether that is anything.
func checkAhead(t *testing.T, s *Sampler, f *frame.Frame, i int) bool {
	t.Helper()
	c, src, p := &s.config, &s.sources[0], f.Plane(0)
	ahead := s.Ahead(f.Planes(), i)
	if len(ahead) == 0 {
		return false
	}
	rows := s.Rows(nil, 0, min((i+1)*c.Lines, c.Height), min((i+2)*c.Lines, c.Height))
	from, to := src.across.first*src.step, (src.across.last+1)*src.step
	at := cap(p.Pix) - cap(ahead) - from
	first, count := int32(at/p.Stride), (len(ahead)-(to-from))/p.Stride+1
	n := slices.Index(rows, first)
	if at%p.Stride != 0 || n < 0 || (len(ahead)-(to-from))%p.Stride != 0 {
		t.Fatalf("band %d: got %d bytes from %d of a plane, want them to be of whole rows among %d", i, len(ahead), at, rows)
	}
	if n != aheadOf(src.inputs*src.across.inputs()*src.step) {
		t.Errorf("band %d: got row %d of %d first, want the first that is not fetched by then", i, first, rows)
	}
	for k := range count {
		if n+k >= len(rows) || rows[n+k] != first+int32(k) {
			t.Fatalf("band %d: got rows %d..%d, want no others than %d", i, first, int(first)+count-1, rows)
		}
	}
	if n+count < len(rows) && rows[n+count] == first+int32(count) {
		t.Errorf("band %d: got rows %d..%d, want the next one too, of %d", i, first, int(first)+count-1, rows)
	}
	return true
}
