//go:build linux

package ring

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/ring"
)

// kills is how many clients TestKilledClients kills. The goal is stated for 1000: go test ./internal/server/ring -run Killed -kills 1000
var kills = flag.Int("kills", 50, "clients that TestKilledClients kills")

// childVariable makes this program a client, of that use and at that socket.
const childVariable = "TEST_STEADYFRAME_RING_CHILD"

// child uses the ring at path until it is killed.
func child(use ring.Use, path string) error {
	h := ring.Hello{Use: use, Slots: 3}
	switch use {
	case ring.Encode:
		h.Spec, h.Batch = w1, 2
	case ring.Publish:
		h.Spec, h.Stream = w1, fmt.Sprintf("child-%d", os.Getpid()%8)
	case ring.Watch:
		h.Stream = "cam"
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

// TestKilledClients: clients are killed at random moments, of all uses, while others go on. Those get what they should, and
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
	// Three others, one of each use.
	stop := make(chan struct{})
	var others sync.WaitGroup
	e, p := r.encoder(ring.Hello{Spec: w1, Slots: 2, Batch: 2}), r.publisher(ring.Hello{Stream: "cam", Spec: w1})
	w := r.watcher(ring.Hello{Stream: "cam"})
	files := openFiles(t)
	smooth(e.Frame(0, 0), 5)
	image := want(t, w1, e.Frame(0, 0))
	others.Go(func() {
		for range done(stop) {
			smooth(e.Frame(0, 0), 5)
			e.submit(0, 1)
			d := e.done()
			if got, code := e.image(0, 0); d.Failed != 0 || code != 0 || !bytes.Equal(got, image) {
				t.Errorf("the other encoder: got %+v with %d bytes, want its image", d, len(got))
				return
			}
		}
	})
	others.Go(func() {
		for n := range done(stop) {
			slot := p.next()
			smooth(p.Frame(slot, 0), uint64(n))
			if err := p.submit(slot, 0); err != nil {
				t.Errorf("the other publisher: %v", err)
				return
			}
		}
	})
	others.Go(func() {
		for range done(stop) {
			m, got := w.next()
			if !bytes.HasPrefix(got, []byte{0xff, 0xd8}) || !bytes.HasSuffix(got, []byte{0xff, 0xd9}) {
				t.Errorf("the other watcher: got %d bytes that are no JPEG", len(got))
			}
			w.release(m)
		}
	})
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
		return len(r.connections) == 3
	})
	if n := openFiles(t); n > files {
		t.Errorf("seed %d: got %d descriptors open, want the %d of before", seed, n, files)
	}
	for _, c := range []*ring.Conn{e.Conn, p.Conn, w.Conn} {
		c.Close()
	}
	r.eventually("memory is mapped", func() bool { return r.mapped.Load() == 0 })
	r.stop() // It checks the rest: streams keep their newest image until then.
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
