package live

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestOfflineImage: whatever its size, the image is dark, shows something, and differs for another name.
func TestOfflineImage(t *testing.T) {
	r := start(t, nil)
	long := strings.Repeat("front-door.", 5)
	for _, size := range []image.Point{{0, 0}, {1, 1}, {16, 16}, {64, 48}, {100, 100}, {160, 90}, {640, 360}, {360, 640}, {1920, 1080}, {3000, 40}, {2500, 1500}} {
		t.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(t *testing.T) {
			var first []byte
			for _, name := range []string{"cam1", "cam2", long} {
				data := r.offlineImage(t, name, size)
				img := r.decode(data)
				want := size
				if want == (image.Point{}) {
					want = image.Pt(offlineWidth, offlineHeight)
				}
				if got := img.Bounds().Size(); got != want {
					t.Fatalf("got %v, want %v", got, want)
				}
				mean, brightest := luma(img)
				if mean > 60 || min(want.X, want.Y) >= 16 && brightest < 85 || min(want.X, want.Y) >= 48 && brightest < 140 {
					t.Errorf("%s: got luma %d on average, %d at most, want a dark image with something to see", name, mean, brightest)
				}
				if first == nil {
					first = data
				} else if min(want.X, want.Y) >= 48 && bytes.Equal(first, data) {
					t.Errorf("%s: got the image of cam1", name)
				}
			}
			if again := r.offlineImage(t, "cam1", size); !bytes.Equal(first, again) {
				t.Error("got another image the second time")
			}
		})
	}
}

func (r *running) offlineImage(t *testing.T, name string, size image.Point) []byte {
	t.Helper()
	b, err := r.offline.image(name, size.X, size.Y)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	return bytes.Clone(b.Bytes())
}

// luma returns the mean luma of img, and the largest.
func luma(img image.Image) (mean, brightest int) {
	planes := img.(*image.YCbCr)
	size := img.Bounds().Size()
	sum := 0
	for y := range size.Y {
		for _, v := range planes.Y[y*planes.YStride:][:size.X] {
			sum += int(v)
			brightest = max(brightest, int(v))
		}
	}
	return sum / (size.X * size.Y), brightest
}

// TestOfflineImagesAreBounded: names come from publishers, so what is kept for them has a bound.
func TestOfflineImagesAreBounded(t *testing.T) {
	r := start(t, nil)
	for n := range 2*offlineKept + 10 {
		r.offlineImage(t, fmt.Sprint(n), image.Pt(8, 8))
	}
	if n := len(r.offline.made); n > offlineKept {
		t.Errorf("got %d images kept, want at most %d", n, offlineKept)
	}
}

// TestOfflineImageWithoutMemory: without memory there is an error and no leak, wherever in the work it runs out.
func TestOfflineImageWithoutMemory(t *testing.T) {
	var fail func(int) error
	r := startChecked(t, nil, &pool.Check{Leaks: pool.LeaksOff, Fault: func(n int) error {
		if fail == nil {
			return nil
		}
		return fail(n)
	}})
	for n := 1; n <= 3; n++ { // the drawing, its JPEG, the copy
		fail = pooltest.FailAt(n)
		if _, err := r.offline.image("cam", 64, 48); !errors.Is(err, pool.ErrBudget) {
			t.Errorf("Get %d fails: got %v, want pool.ErrBudget", n, err)
		}
	}
	fail = nil
	if _, err := r.offline.image("cam", 10000, 10000); err == nil {
		t.Error("got an image above limits.max_pixels")
	}
	r.offlineImage(t, "cam", image.Pt(64, 48))
}

// TestLossAndReturn: the image of a lost source comes within 2 s, in the size of the last one; its viewers stay, and
// see the first frame that comes again.
func TestLossAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{Spec: pipeline.Spec{Input: small, Resize: pipeline.Resize{Width: 96}}})
		v := r.view("cam")
		n := 0
		feed := func(p *Publisher) (last time.Time) {
			for range 25 {
				r.put(p, n)
				last = time.Now()
				if s := r.next(v); s.index != n || s.Offline {
					t.Fatalf("got frame %d, offline %v, want frame %d", s.index, s.Offline, n)
				}
				n++
				time.Sleep(40 * time.Millisecond)
			}
			return last
		}
		last := feed(p)
		if s := r.next(v); !s.Offline || s.Width != 96 || s.Height != 48 || time.Since(last) > 2*time.Second {
			t.Errorf("got offline %v, %dx%d after %v, want the image of a lost source of 96x48 within 2 s", s.Offline, s.Width, s.Height, time.Since(last))
		}
		if s := r.info("cam").State; s != stream.Offline {
			t.Errorf("got state %v, want offline", s)
		}
		back := time.Now()
		feed(p) // Its first frame is seen at once.
		if took := time.Since(back); took != time.Second {
			t.Errorf("got 25 images in %v, want them with their frames, in 1 s", took)
		}

		p.Close() // Now its publisher has left too, and another comes.
		if s := r.next(v); !s.Offline {
			t.Errorf("got frame %d, want the image of a lost source", s.index)
		}
		other := frame.Desc{Format: frame.BGR24, Width: 128, Height: 64}
		p = r.publish("cam", Settings{Spec: pipeline.Spec{Input: other}})
		if err := p.Frame(r.frame(other, n), time.Now()); err != nil {
			t.Fatal(err)
		}
		if s := r.next(v); s.index != n || s.Width != 128 {
			t.Errorf("got frame %d of width %d, want %d of 128", s.index, s.Width, n)
		}
	})
}

// TestSourceThatNeverCame: a configured stream shows from the beginning that it has no signal.
func TestSourceThatNeverCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) { c.Streams = config.Streams{"cam": {}} })
		v := r.view("cam")
		came := time.Now()
		if s := r.next(v); !s.Offline || time.Since(came) > 2*time.Second || r.decode(s.data).Bounds().Size() != image.Pt(offlineWidth, offlineHeight) {
			t.Errorf("got %+v after %v, want the image of a lost source of 640x360 within 2 s", s.Image, time.Since(came))
		}
		if s := r.info("cam").State; s != stream.Waiting {
			t.Errorf("got state %v, want waiting", s)
		}
	})
}

// TestNoImageYet: a source of which nothing has come is not said to have lost its signal.
func TestNoImageYet(t *testing.T) {
	r := start(t, nil)
	never, lost := r.offlineImage(t, "cam", image.Pt(0, 0)), r.offlineImage(t, "cam", image.Pt(offlineWidth, offlineHeight))
	if bytes.Equal(never, lost) {
		t.Error("got the same image for a source that was lost and for one that never came")
	}
}
