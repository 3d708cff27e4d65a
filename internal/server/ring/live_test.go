//go:build linux

package ring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// publisher is a connection that publishes, and what it knows of its slots.
type publisher struct {
	*ring.Conn
	t           testing.TB
	m           ring.Message
	generations []uint32
	free        []int
	status      ring.Status
}

func (r *running) publisher(h ring.Hello) *publisher {
	r.t.Helper()
	h.Use = ring.Publish
	p := &publisher{Conn: r.dial(h), t: r.t}
	p.generations = make([]uint32, p.Layout.Slots)
	for i := range p.generations {
		p.generations[i] = 1
		p.free = append(p.free, i)
	}
	return p
}

// recv takes in one message.
func (p *publisher) recv() error {
	if _, err := p.Recv(&p.m); err != nil {
		return err
	}
	switch p.m.Kind() {
	case ring.KindDone:
		d := ring.ParseDone(&p.m)
		p.generations[d.Slot] = d.Generation
		p.free = append(p.free, int(d.Slot))
	case ring.KindStatus:
		p.status = ring.ParseStatus(&p.m)
	}
	return nil
}

// next waits for a slot.
func (p *publisher) next() int {
	for len(p.free) == 0 {
		if err := p.recv(); err != nil {
			p.t.Fatal(err)
		}
	}
	slot := p.free[0]
	p.free = append(p.free[:0], p.free[1:]...)
	return slot
}

// submit hands over a slot; size is that of a JPEG, or 0.
func (p *publisher) submit(slot, size int) error {
	s := ring.Submit{Slot: uint32(slot), Generation: p.generations[slot], Frames: 1, Bytes: uint32(size)}
	s.Set(&p.m)
	return p.Send(p.m[:])
}

// watcher is a connection that watches.
type watcher struct {
	*ring.Conn
	t testing.TB
	m ring.Message
}

func (r *running) watcher(h ring.Hello) *watcher {
	r.t.Helper()
	h.Use = ring.Watch
	return &watcher{Conn: r.dial(h), t: r.t}
}

// next returns the next image, which is good until release.
func (w *watcher) next() (ring.Image, []byte) {
	w.t.Helper()
	if _, err := w.Recv(&w.m); err != nil {
		w.t.Fatal(err)
	}
	if w.m.Kind() != ring.KindImage {
		w.t.Fatalf("got kind %d, want IMAGE", w.m.Kind())
	}
	p := ring.ParseImage(&w.m)
	return p, w.Area(int(p.Slot))[:p.Bytes]
}

func (w *watcher) release(p ring.Image) {
	w.m.SetRelease(p.Slot, p.Generation)
	if err := w.Send(w.m[:]); err != nil {
		w.t.Fatal(err)
	}
}

// TestPublishAndWatch: what is watched is what the library makes of what was published, frames as JPEGs and JPEGs untouched,
// through several slots and through one.
func TestPublishAndWatch(t *testing.T) {
	pixels := make([]byte, 640*360*3)
	for _, slots := range []int{1, 3} {
		for _, jpegs := range []bool{false, true} {
			r := start(t, nil)
			spec := w1
			if jpegs {
				spec = pipeline.Spec{}
			}
			p := r.publisher(ring.Hello{Stream: "cam", Spec: spec, Slots: slots})
			w := r.watcher(ring.Hello{Stream: "cam", Slots: slots})
			for i := range 20 {
				smooth(pixels, uint64(i))
				image := want(t, w1, pixels)
				slot, size := p.next(), 0
				if jpegs {
					size = copy(p.Frame(slot, 0), image)
				} else {
					copy(p.Frame(slot, 0), pixels)
				}
				if err := p.submit(slot, size); err != nil {
					t.Fatal(err)
				}
				for {
					m, got := w.next()
					equal := bytes.Equal(got, image)
					w.release(m)
					if equal && m.Width == 320 && m.Height == 320 {
						break
					}
					if m.Flags&ring.FlagRepeat == 0 {
						t.Fatalf("slots %d, JPEGs %t, frame %d: got image %+v of %d bytes, want the library's", slots, jpegs, i, m, len(got))
					}
				}
			}
			if err := p.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for err := error(nil); err != io.EOF; err = p.recv() {
				if err != nil {
					t.Fatal(err)
				}
			}
			if s := p.status; s.Arrived != 20 || s.Published != 20 || s.Dropped != 0 || s.Flags != ring.FlagLast {
				t.Errorf("got last status %+v, want 20 arrived and published, and the flag of the last", s)
			}
			p.Close()
			w.Close()
			r.stop()
		}
	}
}

// TestPublishNewestWins: while nobody watches, each slot comes back when the next is submitted, and all in the end.
func TestPublishNewestWins(t *testing.T) {
	r := start(t, nil)
	p := r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	for range 50 { // Nobody watches: nothing is encoded.
		slot := p.next()
		if err := p.submit(slot, 0); err != nil {
			t.Fatal(err)
		}
	}
	p.CloseWrite()
	for err := error(nil); err != io.EOF; err = p.recv() {
		if err != nil {
			t.Fatal(err)
		}
	}
	if s := p.status; s.Arrived != 50 || s.Published != 0 || s.Dropped != 50 || s.Flags != ring.FlagLast || len(p.free) != 3 {
		t.Errorf("got %+v and %d free slots, want 50 arrived and dropped, and 3", s, len(p.free))
	}
}

// TestPublishTakenOver: the first of two publishers is told why it ends.
func TestPublishTakenOver(t *testing.T) {
	r := start(t, nil)
	first := r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	err := error(nil)
	for err == nil {
		err = first.recv()
	}
	var s *ring.ServerError
	if !errors.As(err, &s) || s.Code != 8 {
		t.Errorf("got %v, want code 8, conflict", err)
	}
}

// TestWatchStalls: a client that releases nothing is disconnected after live.stall, with a reason.
func TestWatchStalls(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Live.Stall = config.Duration(50 * time.Millisecond) })
	p := r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	w := r.watcher(ring.Hello{Stream: "cam", Slots: 1})
	if err := p.submit(p.next(), 0); err != nil {
		t.Fatal(err)
	}
	w.next()
	var m ring.Message
	_, err := w.Recv(&m)
	var s *ring.ServerError
	if !errors.As(err, &s) || s.Code != 13 || !strings.Contains(s.Text, "live.stall") {
		t.Errorf("got %v, want code 13, slow, and live.stall", err)
	}
}

// TestWatchGrows: images larger than the area come in a larger one.
func TestWatchGrows(t *testing.T) {
	r := start(t, nil)
	spec := w1
	spec.Resize = pipeline.Resize{}
	spec.Output.Quality = 100
	p := r.publisher(ring.Hello{Stream: "cam", Spec: spec})
	w := r.watcher(ring.Hello{Stream: "cam"})
	pixels := make([]byte, 640*360*3)
	noise(pixels, 1)
	slot := p.next()
	copy(p.Frame(slot, 0), pixels)
	if err := p.submit(slot, 0); err != nil {
		t.Fatal(err)
	}
	if _, got := w.next(); len(got) <= usualJPEG || !bytes.Equal(got, want(t, spec, pixels)) {
		t.Errorf("got %d bytes, want the library's image, above %d", len(got), usualJPEG)
	}
}

// TestLiveAllocatesNothing: a frame from one client to another.
func TestLiveAllocatesNothing(t *testing.T) {
	r := start(t, nil)
	p := r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	w := r.watcher(ring.Hello{Stream: "cam"})
	n := uint64(0)
	alloctest.Waiting(t, 50, func() {
		slot := p.next()
		n++
		smooth(p.Frame(slot, 0)[:1000], n)
		if err := p.submit(slot, 0); err != nil {
			t.Fatal(err)
		}
		for {
			m, _ := w.next()
			w.release(m)
			if m.Flags&ring.FlagRepeat == 0 {
				return
			}
		}
	})
}

// TestDrainLive: publishers and watchers are told that the server stops.
func TestDrainLive(t *testing.T) {
	r := start(t, nil)
	p := r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	w := r.watcher(ring.Hello{Stream: "cam"})
	e := r.encoder(ring.Hello{Spec: w1})
	var told sync.WaitGroup
	for _, c := range []*ring.Conn{p.Conn, w.Conn, e.Conn} {
		told.Go(func() {
			var m ring.Message
			for {
				_, err := c.Recv(&m)
				var s *ring.ServerError
				if errors.As(err, &s) && s.Code == 11 {
					c.Close()
					return
				}
				if err != nil {
					t.Errorf("got %v, want code 11, draining", err)
					return
				}
			}
		})
	}
	r.eventually("there is no viewer", func() bool {
		info, ok := r.live.Hub.Info("cam")
		return ok && len(info.Viewers) == 1
	})
	r.stop()
	told.Wait()
}

// TestConnectionsLeaveTheRest: what connections hold for as long as they are open is in the share of live streams, three quarters of
// the pool, so that requests always have the rest. What one that ends has given back goes to the next.
func TestConnectionsLeaveTheRest(t *testing.T) {
	large := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}}
	for _, hello := range []ring.Hello{{Use: ring.Publish, Spec: large, Slots: 3}, {Use: ring.Encode, Spec: large, Slots: 2, Batch: 1}} {
		t.Run(string(hello.Use), func(t *testing.T) { testLeaveTheRest(t, hello) })
	}
}

// testLeaveTheRest opens connections as hello says until one is refused.
func testLeaveTheRest(t *testing.T, hello ring.Hello) {
	r := start(t, func(c *config.Config) {
		c.Limits.MemoryBudget, c.Limits.MemoryFloor = 160*config.MiB, 0
		c.Timeout.Queue = config.Duration(50 * time.Millisecond)
	})
	var conns []*ring.Conn
	dial := func() error {
		h := hello
		if h.Use == ring.Publish {
			h.Stream = fmt.Sprint("large", len(conns))
		}
		c, err := ring.Dial(t.Context(), r.path, h)
		if err == nil {
			t.Cleanup(c.Close)
			conns = append(conns, c)
		}
		return err
	}
	err := dial()
	for err == nil {
		err = dial()
	}
	refused := (*ring.ServerError)(nil)
	if !errors.As(err, &refused) || refused.Code != codeOf(&fault.Error{Kind: fault.Busy}) || refused.Limit != "limits.memory_budget" {
		t.Errorf("got %v for one connection too many, want Busy for limits.memory_budget", err)
	}
	s := r.engine.Pool.Stats()
	if s.Admitted > s.Budget/4*3 || s.Admitted < s.Budget/2 || r.mapped.Load() > s.Admitted {
		t.Errorf("got %d of %d bytes admitted and %d mapped for %d connections, want three quarters at most, and half at least", s.Admitted, s.Budget, r.mapped.Load(), len(conns))
	}
	_, err = r.live.Publish(t.Context(), "other", live.Settings{Spec: hello.Spec})
	if f := fault.From(err); f == nil || f.Kind != fault.Busy {
		t.Errorf("a publisher that has no ring: got %v, want Busy", err)
	}
	var requests []pool.Grant
	for range 3 {
		g, err := r.engine.Admit(t.Context(), s.Budget/16, nil)
		if err != nil {
			t.Errorf("a request for a sixteenth of the pool: got %v", err)
		}
		requests = append(requests, g)
	}
	for _, g := range requests {
		g.Release()
	}
	conns[0].Close()
	r.eventually("there is no room for one after another has gone", func() bool { return dial() == nil })
}
