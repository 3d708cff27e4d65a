//go:build linux

package ring

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// noise fills b with random bytes, smoothed so that JPEGs of it are of the usual size.
func smooth(b []byte, seed uint64) {
	for i := range b {
		b[i] = byte(uint64(i)/97 + seed*31)
	}
}

func noise(b []byte, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

// TestEncode: what comes back is what the library makes, in order, from slots of one frame and of several, again and again.
func TestEncode(t *testing.T) {
	r := start(t, nil)
	for _, tt := range []struct{ slots, batch int }{{1, 1}, {4, 1}, {2, 5}, {64, 1}} {
		c := r.encoder(ring.Hello{Spec: w1, Slots: tt.slots, Batch: tt.batch})
		for round := range 3 {
			for slot := range tt.slots {
				for n := range tt.batch {
					smooth(c.Frame(slot, n), uint64(round*100+slot*10+n))
				}
				c.submit(slot, tt.batch)
			}
			for slot := range tt.slots {
				d := c.done()
				if int(d.Slot) != slot || int(d.Frames) != tt.batch || d.Failed != 0 {
					t.Fatalf("got %+v, want slot %d with %d frames", d, slot, tt.batch)
				}
				for n := range tt.batch {
					if got, code := c.image(slot, n); code != 0 || !bytes.Equal(got, want(t, w1, c.Frame(slot, n))) {
						t.Errorf("slots %d, batch %d: frame %d of slot %d: got %d bytes with code %d, want the library's", tt.slots, tt.batch, n, slot, len(got), code)
					}
				}
			}
		}
		c.Close()
		r.waitIdle()
	}
}

// TestEncodeLargeImages: images that are larger than the area for them get a larger one, whatever the Spec.
func TestEncodeLargeImages(t *testing.T) {
	r := start(t, nil)
	for _, batch := range []int{1, 3} {
		for _, quality := range []int{75, 95, 100} {
			s := pipeline.Spec{Input: frame.Desc{Format: frame.RGB24, Width: 200, Height: 120}, Output: pipeline.Output{Quality: quality, Subsampling: jpeg.Sub444}}
			c := r.encoder(ring.Hello{Spec: s, Slots: 2, Batch: batch})
			for round := range 4 { // The second round and later fit what the first has grown.
				slot := round % 2
				for n := range batch {
					noise(c.Frame(slot, n), uint64(round+n))
				}
				c.submit(slot, batch)
				d := c.done()
				for n := range batch {
					if got, code := c.image(slot, n); d.Failed != 0 || code != 0 || !bytes.Equal(got, want(t, s, c.Frame(slot, n))) {
						t.Errorf("quality %d, round %d: got %d bytes, code %d: want the library's image", quality, round, len(got), code)
					}
				}
			}
			c.Close()
			r.waitIdle()
		}
	}
}

// TestEncodeAllocatesNothing: a batch there and back, with both sides in this process.
func TestEncodeAllocatesNothing(t *testing.T) {
	r := start(t, nil)
	c := r.encoder(ring.Hello{Spec: w1, Slots: 2, Batch: 3})
	alloctest.Waiting(t, 100, func() {
		for slot := range 2 {
			c.submit(slot, 3)
		}
		for range 2 {
			c.done()
		}
	})
}
