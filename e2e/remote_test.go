package e2e

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// crossing passes connections on to a server that may be replaced.
type crossing struct {
	listener net.Listener
	working  sync.WaitGroup

	mu sync.Mutex
	to string
}

// newCrossing returns a crossing to that address, which ends with t.
func newCrossing(t *testing.T, to string) *crossing {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &crossing{listener: l, to: to}
	c.working.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			c.working.Go(func() { c.pass(in) })
		}
	})
	t.Cleanup(func() { l.Close() }) // Connections end with the servers.
	return c
}

func (c *crossing) pass(in net.Conn) {
	defer in.Close()
	c.mu.Lock()
	to := c.to
	c.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	both(in, out)
}

// both passes on what comes from either, until one ends.
func both(in, out net.Conn) {
	go func() {
		io.Copy(out, in)
		out.Close()
	}()
	io.Copy(in, out)
	in.Close()
}

// watched are the images of one viewer, by the times of their capture.
type watched struct {
	mu      sync.Mutex
	images  map[time.Time][sha256.Size]byte
	offline bool // whether the last one says that the source is lost
}

// watchLive watches a stream of a server until ctx ends.
func watchLive(ctx context.Context, t *testing.T, address, name string) *watched {
	t.Helper()
	c := dial(t, address)
	w, err := c.Watch(ctx, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := &watched{images: map[time.Time][sha256.Size]byte{}}
	go func() {
		defer w.Close()
		var i client.LiveImage
		for w.Next(&i) == nil {
			got.mu.Lock()
			if got.offline = i.Offline; !i.Offline {
				got.images[i.Captured] = sha256.Sum256(i.Data)
			}
			got.mu.Unlock()
		}
	}()
	return got
}

func (w *watched) isOffline() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offline
}

// common returns how many images two viewers have in common. Those of one time must be the same bytes.
func (w *watched) common(t *testing.T, o *watched) (n int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, image := range w.images {
		other, ok := o.images[at]
		if ok && other != image {
			t.Errorf("the images of %v are different bytes", at)
		}
		if ok {
			n++
		}
	}
	return n
}

// TestStreamsOfOtherServers: a stream goes over three servers, once to each however many watch, with its bytes and times; with
// the last viewer it ends; and when the first server dies, the stream comes back with it.
func TestStreamsOfOtherServers(t *testing.T) {
	t.Parallel()
	source := "cars=testsrc:320x180@20"
	first := serve(t, "--stream", source)
	way := newCrossing(t, first.GRPC)
	second := serve(t, "--stream", "cars=grpc://"+way.listener.Addr().String()+"/cars")
	third := serve(t, "--stream", "cars=grpc://"+second.GRPC+"/cars")
	viewers := func(s *served) int { return len(s.Stream(t, "cars").Viewers) }
	daemon.WaitFor(t, "all to be online without viewers", func() bool {
		return second.Stream(t, "cars").State == "online" && third.Stream(t, "cars").State == "online" && viewers(first) == 0 && viewers(second) == 0
	})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	origin := watchLive(ctx, t, first.GRPC, "cars")
	var edges []*watched
	for _, s := range []*served{second, second, second, third, third} {
		edges = append(edges, watchLive(ctx, t, s.GRPC, "cars"))
	}
	for _, e := range edges {
		daemon.WaitFor(t, "images that are the origin's", func() bool { return e.common(t, origin) >= 5 || t.Failed() })
	}
	if a, b, c := viewers(first), viewers(second), viewers(third); a != 2 || b != 4 || c != 2 {
		t.Errorf("got %d, %d and %d viewers, want 2, 4 and 2: one of each server by the next", a, b, c)
	}
	cancel()
	daemon.WaitFor(t, "no viewers", func() bool { return viewers(third) == 0 && viewers(second) == 0 && viewers(first) == 0 })

	last := watchLive(t.Context(), t, third.GRPC, "cars")
	daemon.WaitFor(t, "an image", func() bool { last.mu.Lock(); defer last.mu.Unlock(); return len(last.images) > 0 })
	first.Kill()
	daemon.WaitFor(t, "the image of a lost source", last.isOffline)
	again := serve(t, "--stream", source)
	way.mu.Lock()
	way.to = again.GRPC
	way.mu.Unlock()
	daemon.WaitFor(t, "the stream to be back", func() bool { return !last.isOffline() })
}
