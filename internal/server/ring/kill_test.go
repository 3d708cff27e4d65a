//go:build linux

package ring

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/steadyframe/steadyframe/pipeline"
)

// kills is how many clients TestKilledClients kills; TestKilledServers kills a tenth. The goal is stated for 1000: go test ./internal/server/ring -run Killed -kills 1000
var kills = flag.Int("kills", 50, "clients that TestKilledClients kills, and ten times the servers that TestKilledServers does")

// childVariable makes this program a client, of that use and at that socket.
const childVariable = "TEST_STEADYFRAME_RING_CHILD"

// childServer as the use makes it a server.
const childServer = "serve"

// childServe serves the ring at path until it is killed.
func childServe(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c := config.Default()
	log := slog.New(slog.DiscardHandler)
	e := engine.New(c, metrics.New(), nil)
	l, err := live.New(e, log)
	if err != nil {
		return err
	}
	listener, err := conn.Listen("ring.listen", "unix:"+path, conn.Options{MaxConnections: c.Limits.MaxConnections, Log: log})
	if err != nil {
		return err
	}
	go l.Run(context.Background())
	fmt.Println("ready")
	return New(e, l, log).Serve(listener)
}

// child uses the ring at path until it is killed, or serves it.
func child(use ring.Use, path string) error {
	if use == childServer {
		return childServe(path)
	}
	h := ring.Hello{Use: use, Slots: 3}
	switch use {
	case ring.Encode:
		h.Spec, h.Batch = w1, 2
	case ring.Publish:
		h.Spec, h.Stream = w1, fmt.Sprintf("child-%d", os.Getpid()%8)
	case ring.Watch:
		h.Stream = "cam0"
	}
	c, err := ring.Dial(context.Background(), path, h)
	if err != nil {
		return err
	}
	var m ring.Message
	submit := func(slot, generation uint32) error {
		for n := range h.Batch + 1 - min(h.Batch, 1) {
			noise(c.Frame(int(slot), n)[:64<<10], uint64(generation))
		}
		s := ring.Submit{Slot: slot, Generation: generation, Frames: uint32(max(h.Batch, 1))}
		s.Set(&m)
		return c.Send(m[:])
	}
	if use != ring.Watch {
		for slot := range uint32(c.Layout.Slots) {
			if err := submit(slot, 1); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	for {
		if _, err := c.Recv(&m); err != nil {
			return err
		}
		switch m.Kind() {
		case ring.KindDone:
			d := ring.ParseDone(&m)
			err = submit(d.Slot, d.Generation)
		case ring.KindImage:
			p := ring.ParseImage(&m)
			m.SetRelease(p.Slot, p.Generation)
			err = c.Send(m[:])
		}
		if err != nil {
			return err
		}
	}
}

// openFiles returns how many descriptors this process has.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(entries)
}

// small is the Spec of those who go on while others are killed.
var small = pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 160, Height: 90}, Output: pipeline.Output{Quality: 75}}

// TestKilledClients: clients are killed at random moments, of all uses, while eight others go on. Those get what they should, and
// in the end the server holds nothing of the dead: no memory, no slot, no descriptor.
func TestKilledClients(t *testing.T) {
	if testing.Short() && *kills == 50 {
		*kills = 10
	}
	r := start(t, nil)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	var conns []*ring.Conn
	var begin []func()
	for n := range 3 {
		e := r.encoder(ring.Hello{Spec: small, Slots: 2, Batch: 2})
		conns = append(conns, e.Conn)
		begin = append(begin, func() { encodeUntil(stop, e, uint64(n)) })
	}
	for n := range 2 {
		p := r.publisher(ring.Hello{Stream: fmt.Sprintf("cam%d", n), Spec: small})
		conns = append(conns, p.Conn)
		begin = append(begin, func() { publishUntil(stop, p) })
	}
	for n := range 3 {
		w := r.watcher(ring.Hello{Stream: fmt.Sprintf("cam%d", n%2)})
		conns = append(conns, w.Conn)
		begin = append(begin, func() { watchUntil(stop, w) })
	}
	files := openFiles(t)
	for _, f := range begin {
		others.Go(f)
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	uses := []ring.Use{ring.Encode, ring.Publish, ring.Watch}
	for n := range *kills {
		killOne(t, program, string(uses[n%3]), r.path, rng)
	}
	close(stop)
	others.Wait()
	r.eventually("connections of the dead are left", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.connections) == len(conns)
	})
	if n := openFiles(t); n > files {
		t.Errorf("seed %d: got %d descriptors open, want the %d of before", seed, n, files)
	}
	for _, c := range conns {
		c.Close()
	}
	r.eventually("memory is mapped", func() bool { return r.mapped.Load() == 0 })
	r.stop() // It checks the rest: streams keep their newest image until then.
}

// encodeUntil encodes until stop is closed, and compares the images with the library's.
func encodeUntil(stop <-chan struct{}, e *client, seed uint64) {
	smooth(e.Frame(0, 0), seed)
	image := want(e.t, small, e.Frame(0, 0))
	for range done(stop) {
		e.submit(0, 1)
		d := e.done()
		if got, code := e.image(0, 0); d.Failed != 0 || code != 0 || !bytes.Equal(got, image) {
			e.t.Errorf("another encoder: got %+v with %d bytes, want its image", d, len(got))
			return
		}
	}
}

// publishUntil publishes until stop is closed.
func publishUntil(stop <-chan struct{}, p *publisher) {
	for n := range done(stop) {
		slot := p.next()
		smooth(p.Frame(slot, 0), uint64(n))
		if err := p.submit(slot, 0); err != nil {
			p.t.Errorf("another publisher: %v", err)
			return
		}
	}
}

// watchUntil watches until stop is closed.
func watchUntil(stop <-chan struct{}, w *watcher) {
	for range done(stop) {
		m, got := w.next()
		if !bytes.HasPrefix(got, []byte{0xff, 0xd8}) || !bytes.HasSuffix(got, []byte{0xff, 0xd9}) {
			w.t.Errorf("another watcher: got %d bytes that are no JPEG", len(got))
		}
		w.release(m)
	}
}

// done yields numbers until stop is closed.
func done(stop <-chan struct{}) func(func(int) bool) {
	return func(yield func(int) bool) {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				if !yield(n) {
					return
				}
			}
		}
	}
}

// TestKilledServers: a server is killed at random moments while eight clients use it. Each learns that it is gone, what was
// delivered can still be read, and nobody is left with memory or descriptors.
func TestKilledServers(t *testing.T) {
	times := max(*kills/10, 1)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	before := -1
	for n := range times {
		server := exec.CommandContext(t.Context(), program)
		server.Env = append(os.Environ(), childVariable+"="+childServer+" "+path)
		server.Stderr = os.Stderr
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatalf("the server did not begin: %v", err)
		}
		if before < 0 {
			before = openFiles(t)
		}
		var clients sync.WaitGroup
		began := make(chan struct{}, 8)
		for i, use := range []ring.Use{ring.Publish, ring.Publish, ring.Encode, ring.Encode, ring.Encode, ring.Watch, ring.Watch, ring.Watch} {
			h := ring.Hello{Use: use, Stream: fmt.Sprintf("cam%d", i%2)}
			if use == ring.Encode {
				h.Stream = ""
			}
			if use != ring.Watch {
				h.Spec = small
			}
			c, err := ring.Dial(t.Context(), path, h)
			if err != nil {
				t.Fatalf("round %d: %s: %v", n, use, err)
			}
			clients.Go(func() {
				defer c.Close()
				began <- struct{}{}
				if err := useUntilLost(c, use); !errors.Is(err, io.EOF) && !errors.Is(err, ring.ErrLost) {
					t.Errorf("round %d: %s: got %v, want the end or ErrLost", n, use, err)
				}
			})
		}
		for range cap(began) {
			<-began
		}
		timer := time.NewTimer(time.Duration(rng.IntN(20_000)) * time.Microsecond)
		<-timer.C
		server.Process.Kill()
		clients.Wait()
		server.Wait()
	}
	if n := openFiles(t); n > before {
		t.Errorf("got %d descriptors open, want the %d of before", n, before)
	}
}

// useUntilLost uses a connection until it breaks, and returns why it did. Then it reads all of its memory.
func useUntilLost(c *ring.Conn, use ring.Use) error {
	var m ring.Message
	submit := func(slot, generation uint32) error {
		smooth(c.Frame(int(slot), 0), uint64(generation))
		s := ring.Submit{Slot: slot, Generation: generation, Frames: 1}
		s.Set(&m)
		return c.Send(m[:])
	}
	var err error
	for slot := uint32(0); err == nil && use != ring.Watch && slot < uint32(c.Layout.Slots); slot++ {
		err = submit(slot, 1)
	}
	for err == nil {
		if _, err = c.Recv(&m); err != nil {
			break
		}
		switch m.Kind() {
		case ring.KindDone:
			d := ring.ParseDone(&m)
			err = submit(d.Slot, d.Generation)
		case ring.KindImage:
			p := ring.ParseImage(&m)
			m.SetRelease(p.Slot, p.Generation)
			err = c.Send(m[:])
		}
	}
	sum := byte(0)
	for slot := range c.Layout.Slots {
		for _, b := range c.Area(slot) {
			sum += b
		}
	}
	_ = sum
	return err
}

// killOne starts a client and kills it some moments after it has begun.
func killOne(t *testing.T, program, use, path string, rng *rand.Rand) {
	t.Helper()
	c := exec.Command(program)
	c.Env = append(os.Environ(), childVariable+"="+use+" "+path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if rng.IntN(4) > 0 { // Else it is killed while it begins.
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Errorf("a client ended by itself: %v", err)
		}
	}
	timer := time.NewTimer(time.Duration(rng.IntN(20_000)) * time.Microsecond)
	<-timer.C
	c.Process.Kill()
	c.Wait()
}
