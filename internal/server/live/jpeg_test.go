package live

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// encoded returns a JPEG of that size and subsampling that carries n.
func encoded(t testing.TB, width, height, n int, s jpeg.Subsampling) []byte {
	t.Helper()
	p, err := pipeline.Compile(pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: width, Height: height},
		Output: pipeline.Output{Quality: 95, Subsampling: s},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.WrapBytes(p.Spec().Input, make([]byte, width*height*3))
	if err != nil {
		t.Fatal(err)
	}
	index := synth.Index(width, height, n)
	synth.Fill(&f, func(x, y int) (r, g, b uint8) { // The index in brightness; colors that differ from end to end.
		_, v, _ := index(x, y)
		return v/4*3 + uint8(x*60/width), v / 4 * 3, v/4*3 + uint8(y*60/height)
	})
	b := pipeline.Batch{In: []frame.Frame{f}}
	defer b.Release()
	if err := p.Run(t.Context(), &b); err != nil || b.Out[0].Err != nil {
		t.Fatal(err, b.Out[0].Err)
	}
	return bytes.Clone(b.Out[0].Bytes())
}

// TestJPEGsArePassedOn: untouched, by reference, also while nobody watches, and in any size.
func TestJPEGsArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{JPEG: true})
		r.jpeg(p, encoded(t, 64, 32, 1, jpeg.Sub420))
		synctest.Wait()
		before := leases(r.engine.Pool)
		v := r.view("cam")
		if s := r.next(v); s.index != 1 {
			t.Errorf("got frame %d, want the one from before the viewer came", s.index)
		}
		for _, width := range []int{64, 80, 640} {
			data := encoded(t, width, 48, width, jpeg.Sub444)
			r.jpeg(p, data)
			if s := r.next(v); !bytes.Equal(s.data, data) || s.Width != width || s.Height != 48 {
				t.Errorf("got %d bytes, %dx%d, want the same %d bytes, %dx48", len(s.data), s.Width, s.Height, len(data), width)
			}
		}
		if got := leases(r.engine.Pool) - before; got != 3 {
			t.Errorf("got %d leases for 3 JPEGs, want the test's own 3", got)
		}
		if i := r.info("cam"); i.Format != "jpeg 640x48" {
			t.Errorf("got format %q, want jpeg 640x48", i.Format)
		}
		r.counts(p, 4, 4, 0)
	})
}

// TestJPEGsAreEncodedAgain where the publisher, or the configuration, asks for other images. The size may change.
func TestJPEGsAreEncodedAgain(t *testing.T) {
	tests := []struct {
		name        string
		subsampling jpeg.Subsampling
		spec        pipeline.Spec
	}{
		{"420", jpeg.Sub420, pipeline.Spec{Output: pipeline.Output{Quality: 90}}},
		{"422", jpeg.Sub422, pipeline.Spec{Output: pipeline.Output{Quality: 90}}},
		{"444", jpeg.Sub444, pipeline.Spec{Output: pipeline.Output{Quality: 90, Subsampling: jpeg.Sub444}}},
		{"gray", jpeg.Gray, pipeline.Spec{Output: pipeline.Output{Quality: 90}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, nil)
				p := r.publish("cam", Settings{JPEG: true, Spec: tt.spec})
				v := r.view("cam")
				for n, size := range []image.Point{{128, 64}, {129, 67}, {128, 64}, {640, 360}} {
					data := encoded(t, size.X, size.Y, n, tt.subsampling)
					r.jpeg(p, data)
					s := r.next(v)
					if s.index != n || s.Width != size.X || s.Height != size.Y || bytes.Equal(s.data, data) {
						t.Fatalf("got frame %d of %dx%d, the same bytes: %v; want %d of %v, encoded again", s.index, s.Width, s.Height, bytes.Equal(s.data, data), n, size)
					}
					if d := difference(r.decode(data), r.decode(s.data)); d > 4 {
						t.Errorf("frame %d: got samples that differ by %.1f on average, want the same image", n, d)
					}
				}
				r.counts(p, 4, 4, 0)
			})
		})
	}
}

// difference returns by how much the samples of two images of one size differ, on average.
func difference(a, b image.Image) float64 {
	sum, size := 0, a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				sum += max(d, -d)
			}
		}
	}
	return float64(sum) / float64(3*size.X*size.Y)
}

// TestConfiguredResizeOfJPEGs: images of the configured size, encoded for viewers alone.
func TestConfiguredResizeOfJPEGs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) {
			c.Streams = config.Streams{"cam": {Crop: pipeline.Rect{Width: 128, Height: 64}, Resize: config.ImageSize{Width: 64}}}
		})
		p := r.publish("cam", Settings{JPEG: true})
		r.jpeg(p, encoded(t, 128, 64, 1, jpeg.Sub420))
		synctest.Wait()
		if i := r.info("cam"); i.Published != 0 {
			t.Errorf("got %d images with no viewer, want none", i.Published)
		}
		v := r.view("cam")
		if s := r.next(v); s.index != 1 || s.Width != 64 || s.Height != 32 || r.decode(s.data).Bounds().Size() != image.Pt(64, 32) {
			t.Errorf("got frame %d of %dx%d, want 1 of 64x32", s.index, s.Width, s.Height)
		}
		r.jpeg(p, encoded(t, 100, 64, 2, jpeg.Sub420)) // smaller than the crop
		r.counts(p, 2, 1, 1)
	})
}

// TestBadJPEGs are counted, and the stream goes on.
func TestBadJPEGs(t *testing.T) {
	good := encoded(t, 64, 32, 1, jpeg.Sub420)
	huge := bytes.Clone(good)
	header := bytes.Index(huge, []byte{0xFF, 0xC0})
	copy(huge[header+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	for _, spec := range []pipeline.Spec{{}, resized(32, 0)} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, nil)
			p := r.publish("cam", Settings{JPEG: true, Spec: spec})
			v := r.view("cam")
			bad := [][]byte{nil, []byte("no image"), good[:20], huge, good[:header+40], good[:len(good)-1]}
			for _, data := range bad {
				r.jpeg(p, data)
				synctest.Wait()
			}
			if d := r.info("cam").Dropped; d[stream.Failed] != uint64(len(bad)) {
				t.Errorf("got drops %v, want %d failed", d, len(bad))
			}
			r.none(v)
			r.jpeg(p, good)
			if s := r.next(v); s.index != 1 {
				t.Errorf("got frame %d, want 1", s.index)
			}
			r.counts(p, uint64(len(bad))+1, 1, uint64(len(bad)))
		})
	}
}

// TestLargeJPEGsAreAdmitted: the admitted memory grows with the JPEGs; one beyond the budget is not shown, and the
// stream goes on.
func TestLargeJPEGsAreAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = 16*config.MiB, 0 })
		p := r.publish("cam", Settings{JPEG: true})
		v := r.view("cam")
		data := encoded(t, 64, 32, 1, jpeg.Sub420)
		padded := func(n int) []byte { return append(bytes.Clone(data), make([]byte, n)...) }
		first := r.engine.Pool.Stats().Admitted
		r.jpeg(p, padded(1<<20))
		r.next(v)
		second := r.engine.Pool.Stats().Admitted
		if second <= first || second < 6<<20 {
			t.Errorf("got %d bytes admitted, then %d for JPEGs of 1 MiB, want more than 6 of them", first, second)
		}
		r.jpeg(p, padded(4<<20)) // There is no room for 6 of these.
		time.Sleep(time.Second)
		if d := r.info("cam").Dropped; d[stream.NoMemory] != 1 {
			t.Errorf("got drops %v, want one without memory", d)
		}
		r.jpeg(p, padded(5))
		r.next(v)
		r.counts(p, 3, 2, 1)
	})
}

// TestPassingOnAllocatesNothing: a JPEG from the pool to a viewer.
func TestPassingOnAllocatesNothing(t *testing.T) {
	r := start(t, nil)
	p := r.publish("cam", Settings{JPEG: true})
	v := r.view("cam")
	data := [2][]byte{encoded(t, 640, 360, 1, jpeg.Sub420), encoded(t, 640, 360, 2, jpeg.Sub420)}
	n := 0
	noAllocations(t, func() {
		n++
		r.jpeg(p, data[n&1])
		for repeat := true; repeat; {
			pic, err := v.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			repeat = pic.Repeat
			pic.Release()
		}
	})
}

// TestGrowingJPEGIsAdmitted: a JPEG that is being read has its memory admitted as it grows; without memory it is
// dropped, and its memory is released.
func TestGrowingJPEGIsAdmitted(t *testing.T) {
	r := start(t, func(c *config.Config) {
		c.Limits.MemoryBudget, c.Limits.MemoryFloor = 32*config.MiB, 0
		c.Live.OfflineAfter = config.Duration(time.Hour) // else there is an image that says so, on a busy machine
	})
	p := r.publish("cam", Settings{JPEG: true})
	admitted := func() int64 { return r.engine.Pool.Stats().Admitted }
	first := admitted()
	body, w := io.Pipe()
	go func() {
		head := encoded(t, 64, 32, 1, jpeg.Sub420)
		_, _ = w.Write(head[:len(head)-2])
		for { // It never ends.
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}()
	most := int64(0)
	jpegs := ingest.NewJPEG(body, r.engine.Pool, ingest.Limits{Admit: func(n int) error {
		err := p.Admit(n)
		most = max(most, admitted())
		if n > usualJPEG && err == nil && admitted()-first < int64(2*n) {
			t.Errorf("got %d bytes admitted for %d of a JPEG, want twice as many", admitted()-first, n)
		}
		return err
	}})
	if _, err := jpegs.Next(); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("got %v for a JPEG without end, want that there is no memory", err)
	}
	if most < 8<<20 || most > 16<<20+first {
		t.Errorf("got up to %d bytes admitted of a budget of 32 MiB, want more than a quarter of it and at most half", most)
	}
	if got := r.engine.Pool.Stats().InUse; got != 0 {
		t.Errorf("got %d bytes in use after the JPEG was lost", got)
	}
	_ = body.Close()
	p.Close()
	if got := admitted(); got != 0 {
		t.Errorf("got %d bytes admitted in the end, want none", got)
	}
}

// TestJPEGsChangeFormat: a camera that changes size, chroma sampling or to gray is shown with the very next JPEG, and each
// change is logged once.
func TestJPEGsChangeFormat(t *testing.T) {
	for _, spec := range []pipeline.Spec{{}, resized(64, 32)} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, func(c *config.Config) { c.Live.OfflineAfter = config.Duration(time.Hour) })
			p := r.publish("cam", Settings{JPEG: true, Spec: spec})
			v := r.view("cam")
			n := 0
			for _, k := range []struct {
				width, height int
				subsampling   jpeg.Subsampling
			}{{64, 32, jpeg.Sub420}, {64, 32, jpeg.Sub422}, {64, 32, jpeg.Sub444}, {64, 32, jpeg.Gray}, {128, 64, jpeg.Gray}, {64, 32, jpeg.Sub420}} {
				for range 3 {
					n++
					r.jpeg(p, encoded(t, k.width, k.height, n, k.subsampling))
					if s := r.next(v); s.index != n {
						t.Errorf("%v: got frame %d, want %d", k, s.index, n)
					}
					time.Sleep(2 * changeLogInterval)
				}
			}
			if got := strings.Count(r.log.String(), "stream changed format"); got != 5 {
				t.Errorf("got %d changes in the log, want 5:\n%s", got, r.log)
			}
			r.counts(p, uint64(n), uint64(n), 0)
		})
	}
}
