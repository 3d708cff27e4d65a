//go:build linux

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) {
	if use, path, ok := strings.Cut(os.Getenv(childVariable), " "); ok {
		fmt.Fprintln(os.Stderr, child(ring.Use(use), path))
		os.Exit(1)
	}
	leaktest.Main(m)
}

// running is a server of the ring alone.
type running struct {
	*Server
	t    testing.TB
	path string
	log  *logtest.Buffer
	stop func() // drains
}

// start runs a server with what change changes of the defaults. When the test ends nothing may be leased, admitted or mapped
// any more.
func start(t testing.TB, change func(*config.Config)) *running {
	return startChecked(t, change, nil)
}

// startChecked is start with a checked pool.
func startChecked(t testing.TB, change func(*config.Config), check *pool.Check) *running {
	t.Helper()
	c := config.Default()
	c.Live.OfflineAfter = config.Duration(2 * time.Minute) // A publisher may wait for a busy machine.
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logtest.Buffer{}}
	log := slog.New(slog.NewTextHandler(r.log, nil))
	e := engine.New(c, metrics.New(), check)
	l, err := live.New(e, log)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	r.path = filepath.Join(dir, "s")
	listener, err := conn.Listen("ring.listen", "unix:"+r.path, conn.Options{MaxConnections: c.Limits.MaxConnections, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	r.Server = New(e, l, log)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { l.Run(ctx) })
	serving.Go(func() {
		if err := r.Serve(listener); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	r.stop = sync.OnceFunc(func() {
		e.Drain()
		cancel()
		cut, end := context.WithTimeout(context.Background(), 2*time.Minute)
		defer end()
		r.Shutdown(cut)
		serving.Wait()
		e.Close()
		r.checkIdle()
		os.RemoveAll(dir)
	})
	t.Cleanup(r.stop)
	return r
}

// checkIdle fails the test if the server still holds anything for a connection.
func (r *running) checkIdle() {
	r.t.Helper()
	if leaks := pooltest.Leaks(r.engine.Pool.Stats()); leaks != "" {
		r.t.Errorf("got %s", leaks)
	}
	if n := r.mapped.Load(); n != 0 {
		r.t.Errorf("got %d bytes mapped, want none", n)
	}
	if n := r.engine.OpenRequests(); n != 0 {
		r.t.Errorf("got %d requests open, want none", n)
	}
}

// accepted waits until the server has taken every connection that was made before: it takes them in turn.
func (r *running) accepted() {
	r.t.Helper()
	c := r.raw()
	defer c.Close()
	if err := c.CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		r.t.Fatal(err)
	}
}

// waitIdle waits until the server holds nothing for any connection that was made before.
func (r *running) waitIdle() {
	r.t.Helper()
	r.accepted()
	r.eventually("the server holds something of a connection", func() bool {
		r.mu.Lock()
		n := len(r.connections)
		r.mu.Unlock()
		return n == 0
	})
	r.checkIdle()
}

// eventually waits until cond holds.
func (r *running) eventually(not string, cond func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.t.Fatalf("two minutes later %s:\n%s", not, r.log.String())
		}
	}
}

// w1 is the Spec of most tests.
var w1 = pipeline.Spec{
	Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
	Resize: pipeline.Resize{Width: 320, Height: 320},
	Output: pipeline.Output{Quality: 75},
}

// dial connects, or fails the test. The connection is closed when the test ends.
func (r *running) dial(h ring.Hello) *ring.Conn {
	r.t.Helper()
	c, err := ring.Dial(r.t.Context(), r.path, h)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

// client is a connection for encoding, and the generations of its slots.
type client struct {
	*ring.Conn
	t           testing.TB
	generations []uint32
	m           ring.Message
}

func (r *running) encoder(h ring.Hello) *client {
	r.t.Helper()
	h.Use = ring.Encode
	return newClient(r.t, r.dial(h))
}

func newClient(t testing.TB, conn *ring.Conn) *client {
	c := &client{Conn: conn, t: t}
	c.generations = make([]uint32, c.Layout.Slots)
	for i := range c.generations {
		c.generations[i] = 1
	}
	return c
}

// submit hands over n frames in a slot.
func (c *client) submit(slot, n int) {
	s := ring.Submit{Slot: uint32(slot), Generation: c.generations[slot], Frames: uint32(n), Tag: uint64(slot) << 32}
	s.Set(&c.m)
	if err := c.Send(c.m[:]); err != nil {
		c.t.Fatal(err)
	}
}

// done waits for a slot.
func (c *client) done() ring.Done {
	m := &c.m
	payload, err := c.Recv(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Kind() != ring.KindDone || m.Code() != 0 {
		c.t.Fatalf("got kind %d with code %d: %s, want DONE", m.Kind(), m.Code(), payload)
	}
	d := ring.ParseDone(m)
	if d.Generation != c.generations[d.Slot]+1 || d.Tag != uint64(d.Slot)<<32 {
		c.t.Fatalf("got %+v, want generation %d and the tag of the slot", d, c.generations[d.Slot]+1)
	}
	c.generations[d.Slot] = d.Generation
	return d
}

// image returns image n of a slot, and the code of its error.
func (c *client) image(slot, n int) ([]byte, uint32) {
	area := c.Area(slot)
	e := ring.ParseEntry(area, n)
	return area[e.Offset:][:e.Bytes], e.Code
}

// want returns what the library makes of pixels.
func want(t testing.TB, s pipeline.Spec, pixels []byte) []byte {
	t.Helper()
	p, err := pipeline.Compile(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.WrapBytes(s.Input, pixels)
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{f}}
	defer b.Release()
	if err := errors.Join(p.Run(t.Context(), &b), b.Out[0].Err); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Out[0].Bytes())
}

// checkJPEG fails the test if data is no JPEG.
func checkJPEG(t testing.TB, data []byte) {
	t.Helper()
	if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
		t.Errorf("got %d bytes that are no JPEG: %v", len(data), err)
	}
}
