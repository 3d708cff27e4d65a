package stream_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// model is a Hub and what its test's goroutines counted.
type model struct {
	*fixture
	succeeded [modelStreams]atomic.Uint64 // Publishes
	delivered atomic.Uint64
	images    atomic.Uint64 // numbers them
}

const modelStreams = 4

func streamName(i int) string { return fmt.Sprint("cam", i) }

// TestModel lets 64 goroutines publish, take each other's streams over, view, hold, leave, and read counts, all at
// random. Each viewer sees whole images of its stream in rising order. At rest all counts equal those of the
// goroutines, and no image is left.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	steps := 1000
	if testing.Short() || race.Enabled {
		steps = 200
	}
	m := &model{}
	// So short that streams go offline and online all the time.
	m.fixture = newFixture(t, stream.Options{OfflineAfter: time.Microsecond, Offline: func(name string, _, _ int) (pool.Buf, error) {
		return m.fill(t, int(name[len(name)-1]-'0'), 0), nil
	}})
	var residents []*resident
	for i := range modelStreams {
		if err := m.Add(streamName(i)); err != nil {
			t.Fatal(err)
		}
		residents = append(residents, m.settle(t, i))
	}
	var wg sync.WaitGroup
	for g := range uint64(64) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, g))
			switch g % 4 {
			case 0:
				m.publishSome(t, r, steps)
			case 1, 2:
				m.viewSome(t, r, steps)
			default:
				m.look(t, r, steps/10)
			}
		})
	}
	wg.Wait()
	for _, r := range residents {
		r.leave(t)
	}
	m.wantCounts(t)
	m.stop()
	for _, c := range m.pool.Stats().Classes {
		if c.Gets != c.Puts || c.InUse != 0 {
			t.Errorf("buffers of %d bytes: got %d leased, %d given back, %d in use; want all given back", c.Size, c.Gets, c.Puts, c.InUse)
		}
	}
}

// fill leases a buffer filled with the number of its stream and image.
func (m *model) fill(t *testing.T, which int, n uint64) pool.Buf {
	b, err := m.pool.Get(4096)
	if err != nil {
		t.Error(err)
		return b
	}
	pattern := binary.BigEndian.AppendUint64([]byte{'s', byte(which)}, n)
	for p := b.Bytes(); len(p) > 0; {
		p = p[copy(p, pattern):]
	}
	return b
}

// publishSome publishes on streams at random, for some images each, some of them twice.
func (m *model) publishSome(t *testing.T, r *rand.Rand, steps int) {
	for ; steps > 0; steps -= 20 {
		which := r.IntN(modelStreams)
		p, err := m.Publish(streamName(which), stream.PublisherOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		for range r.IntN(40) {
			n := m.images.Load()
			if r.IntN(4) > 0 {
				n = m.images.Add(1)
			}
			if err = p.Publish(stream.Image{Buf: m.fill(t, which, n)}); err != nil {
				break
			}
			m.succeeded[which].Add(1)
			if r.IntN(50) == 0 {
				p.Skip()
			}
		}
		if err != nil && !errors.Is(err, stream.ErrReplaced) {
			t.Errorf("Publish: got %v, want nil or ErrReplaced", err)
		}
		if r.IntN(2) == 0 {
			p.Close()
		}
	}
}

// viewSome views streams at random, takes some images of each, and holds up to three of them at a time.
func (m *model) viewSome(t *testing.T, r *rand.Rand, steps int) {
	for ; steps > 0; steps -= 20 {
		which := r.IntN(modelStreams)
		v := m.viewer(t, streamName(which), stream.ViewerOptions{Transport: []string{"a", "b"}[r.IntN(2)], Late: r.IntN(2) == 0, MaxFPS: float64(r.IntN(2) * 1000)})
		sight := sight{model: m, which: which}
		if r.IntN(4) == 0 { // another goroutine closes it, and later deliveries do not count
			sight.uncounted = true
			time.AfterFunc(time.Duration(r.IntN(1000))*time.Microsecond, v.Close)
		}
		var held []stream.Image
		for range r.IntN(40) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(500))*time.Microsecond)
			p, err := v.Next(ctx)
			cancel()
			if err != nil {
				continue
			}
			sight.check(t, v, p)
			if held = append(held, p); len(held) > r.IntN(4) {
				i := r.IntN(len(held))
				held[i].Release()
				held = slices.Delete(held, i, i+1)
			}
		}
		v.Close()
		for _, p := range held {
			sight.whole(t, p)
			p.Release()
		}
	}
}

// look reads all lists and counts.
func (m *model) look(t *testing.T, r *rand.Rand, steps int) {
	var delivered, dropped uint64
	for range steps {
		which := r.IntN(modelStreams)
		if i := m.info(t, streamName(which)); i.Name != streamName(which) || i.Arrived != i.Published+i.Same {
			t.Errorf("got %+v, want it of %s, with each image arrived", i, streamName(which))
		}
		var d, l uint64
		for _, totals := range m.Totals().Transports {
			d, l = d+totals.Delivered, l+totals.Dropped
		}
		if d < delivered {
			t.Errorf("delivered: got %d after %d, want no less", d, delivered)
		}
		if l < dropped {
			t.Errorf("dropped: got %d after %d, want no less", l, dropped)
		}
		delivered, dropped = d, l
		if len(m.Infos(nil)) != modelStreams {
			t.Error("a stream of Add is not there")
		}
	}
}

// sight is what a viewer has seen of a stream.
type sight struct {
	*model
	which     int
	seq       uint64
	given     uint64 // images of the source
	uncounted bool   // Delivered is not called
}

// check checks an image that v was given, and counts it.
func (s *sight) check(t *testing.T, v *stream.Viewer, p stream.Image) {
	if p.Seq < s.seq || (p.Seq == s.seq) != p.Repeat {
		t.Errorf("got image %d, repeat %v, after %d", p.Seq, p.Repeat, s.seq)
	}
	s.seq = p.Seq
	s.whole(t, p)
	if !p.Repeat && !p.Offline {
		s.given++
	}
	if !s.uncounted {
		v.Delivered(&p)
		s.delivered.Add(1)
	}
}

// whole fails t unless p is one image of the stream, from beginning to end.
func (s *sight) whole(t *testing.T, p stream.Image) {
	mem := p.Buf.Bytes()
	if mem[0] != 's' || int(mem[1]) != s.which || !bytes.Equal(mem[10:], mem[:len(mem)-10]) {
		t.Errorf("image %d of stream %d: got bytes %q..., want one image of that stream", p.Seq, s.which, mem[:20])
	}
}

// resident is a viewer that joins before the first image and stays to the end.
type resident struct {
	sight
	v     *stream.Viewer
	stop  context.CancelFunc
	ended chan struct{}
}

func (m *model) settle(t *testing.T, which int) *resident {
	ctx, cancel := context.WithCancel(context.Background())
	r := &resident{
		sight: sight{model: m, which: which}, v: m.viewer(t, streamName(which), stream.ViewerOptions{Transport: "resident"}),
		stop: cancel, ended: make(chan struct{}),
	}
	go func() {
		defer close(r.ended)
		for {
			p, err := r.v.Next(ctx)
			if err != nil {
				return
			}
			r.check(t, r.v, p)
			p.Release()
		}
	}()
	return r
}

// leave ends the viewer: it was given every published image, or the image is counted as dropped.
func (r *resident) leave(t *testing.T) {
	r.stop()
	<-r.ended
	if p, ok, _, err := r.v.Poll(); ok {
		r.check(t, r.v, p)
		p.Release()
	} else if err != nil {
		t.Error(err)
	}
	i := r.info(t, streamName(r.which))
	if got := r.given + i.Viewers[0].Dropped; got != i.Published {
		t.Errorf("%s: got %d given and %d dropped, want %d together", i.Name, r.given, i.Viewers[0].Dropped, i.Published)
	}
	r.v.Close()
}

// wantCounts compares the counts of the Hub at rest with the model's.
func (m *model) wantCounts(t *testing.T) {
	for which := range modelStreams {
		i := m.info(t, streamName(which))
		if want := m.succeeded[which].Load(); i.Published+i.Same != want || i.Arrived != want || len(i.Viewers) != 0 {
			t.Errorf("got %+v, want %d published or the same, and as many arrived, and no viewers", i, want)
		}
	}
	var delivered, size uint64
	for _, totals := range m.Totals().Transports {
		delivered, size = delivered+totals.Delivered, size+totals.Bytes
		if totals.Viewers != 0 {
			t.Errorf("got %d viewers by %s, want none", totals.Viewers, totals.Transport)
		}
	}
	if want := m.delivered.Load(); delivered != want || size != 4096*want {
		t.Errorf("got %d delivered of %d bytes, want %d of %d", delivered, size, want, 4096*want)
	}
}
