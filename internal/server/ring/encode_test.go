//go:build linux

package ring

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
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

// TestEncodeHeldReplies: one write of several SUBMITs that say so is answered with one write, in order; what says that more
// follow, and does not keep it, is answered all the same, also before the client's end, and before why the server ends it.
func TestEncodeHeldReplies(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Workers = 1 })
	const slots = 8
	dial := func() (c *net.UnixConn, submit func(slot int, generation, flags uint32) []byte) {
		c = r.raw()
		h, err := json.Marshal(ring.Hello{Use: ring.Encode, Spec: w1, Slots: slots})
		if err != nil {
			t.Fatal(err)
		}
		var m ring.Message
		if _, err := c.Write(hello(string(h))); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, m[:]); err != nil {
			t.Fatal(err)
		}
		return c, func(slot int, generation, flags uint32) []byte {
			s := ring.Submit{Slot: uint32(slot), Generation: generation, Frames: 1, Flags: flags}
			s.Set(&m)
			return bytes.Clone(m[:])
		}
	}
	read := func(c *net.UnixConn, want int) {
		t.Helper()
		var p [slots * ring.Size]byte
		if _, err := io.ReadFull(c, p[:want*ring.Size]); err != nil {
			t.Fatal(err)
		}
		for n := range want {
			m := (*ring.Message)(p[n*ring.Size:])
			if m.Kind() != ring.KindDone || int(m.Slot()) != n {
				t.Fatalf("got kind %d of slot %d, want DONE of %d", m.Kind(), m.Slot(), n)
			}
		}
	}
	c, submit := dial()
	for round := range uint32(3) {
		var p []byte
		for slot := range slots {
			flags := uint32(ring.FlagMore)
			if slot == slots-1 && round < 2 { // In the last round nothing keeps what was said.
				flags = 0
			}
			p = append(p, submit(slot, round+1, flags)...)
		}
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			var got [2 * slots * ring.Size]byte
			if n, err := c.Read(got[:]); n != slots*ring.Size || err != nil {
				t.Fatalf("got %d bytes with the first read, %v, want %d", n, err, slots*ring.Size)
			}
			continue
		}
		read(c, slots)
	}
	if _, err := c.Write(slices.Concat(submit(0, 4, ring.FlagMore), submit(1, 4, ring.FlagMore), make([]byte, ring.Size))); err != nil {
		t.Fatal(err)
	}
	read(c, 1)
	if e := ending(t, c); e.Code != codeOf(&fault.Error{Kind: fault.Invalid}) {
		t.Errorf("got %+v, want invalid", e)
	}
	c, submit = dial()
	if _, err := c.Write(submit(0, 1, ring.FlagMore)); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	read(c, 1)
	c.Close()
	// A client that never waits does not make the server hold ever more.
	c, submit = dial()
	go func() { _, _ = io.Copy(io.Discard, c) }()
	for generation := range uint32(300) {
		if _, err := c.Write(submit(0, generation+1, ring.FlagMore)); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	r.waitIdle()
}
