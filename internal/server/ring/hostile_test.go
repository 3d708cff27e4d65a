//go:build linux

package ring

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// raw is a socket to the server, without any protocol.
func (r *running) raw() *net.UnixConn {
	r.t.Helper()
	c, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c.(*net.UnixConn)
}

// hello returns a HELLO with that payload.
func hello(payload string) []byte {
	var m ring.Message
	m.SetHello(len(payload))
	return append(m[:], payload...)
}

// rejected returns how many connections ended for that reason.
func (r *running) rejected(k fault.Kind) int {
	r.t.Helper()
	families, err := r.engine.Metrics.Registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "steadyframe_rejected_total" {
			for _, m := range f.Metric {
				if m.Label[0].GetValue() == k.String() {
					return int(m.Counter.GetValue())
				}
			}
		}
	}
	return 0
}

// ending reads until the server ends the connection, and returns its ERROR, a zero one if there was none.
func ending(t testing.TB, c *net.UnixConn) ring.ServerError {
	t.Helper()
	data, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Fatal(err)
	}
	c.Close()
	for len(data) >= ring.Size {
		m := (*ring.Message)(data)
		payload := data[ring.Size:][:m.Payload()]
		if m.Kind() == ring.KindError {
			return *ring.ParseError(m, payload)
		}
		data = data[ring.Size+len(payload):]
	}
	return ring.ServerError{}
}

// TestCutOff: a connection ends anywhere in what its client says, by a close or by the end of one direction. Each SUBMIT that is whole has
// its DONE, and is counted; of a part nothing comes, and the end is a good one between two messages alone.
func TestCutOff(t *testing.T) {
	r := start(t, nil)
	const spec = `"spec":{"input":{"format":"gray8","width":16,"height":16}}`
	hellos := map[ring.Use][]byte{
		ring.Encode:  hello(`{"use":"encode","slots":3,` + spec + `}`),
		ring.Publish: hello(`{"use":"publish","slots":3,"stream":"cam",` + spec + `}`),
	}
	arrived := func() uint64 { info, _ := r.live.Hub.Info("cam"); return info.Arrived }
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 3))
	for round := range 300 {
		use, half := []ring.Use{ring.Encode, ring.Publish}[round%2], rng.IntN(2) == 0
		said := bytes.Clone(hellos[use])
		first, whole := len(said), -1 // SUBMITs; -1: nor a HELLO
		for slot := range uint32(3) {
			var m ring.Message
			(&ring.Submit{Slot: slot, Generation: 1, Frames: 1}).Set(&m)
			said = append(said, m[:]...)
		}
		cut := rng.IntN(len(said))
		if rng.IntN(3) == 0 { // between two messages
			cut = first + ring.Size*rng.IntN(3)
		}
		if cut >= first {
			whole = (cut - first) / ring.Size
		}
		between := cut == 0 || whole >= 0 && (cut-first)%ring.Size == 0
		before := arrived()
		c := r.raw()
		for rest := said[:cut]; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			if _, err := c.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if half {
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			done, last, wrong := 0, false, false
			for len(data) >= ring.Size {
				m := (*ring.Message)(data)
				switch m.Kind() {
				case ring.KindDone:
					done++
				case ring.KindStatus:
					last = ring.ParseStatus(m).Flags == ring.FlagLast
				case ring.KindError:
					wrong = true
				}
				data = data[ring.Size+int(m.Payload()):]
			}
			if done != max(whole, 0) || last != (use == ring.Publish && between && whole >= 0) || wrong && between || !wrong && whole >= 0 && !between {
				t.Errorf("seed %d, round %d, %s of %d of %d bytes: got %d DONEs, the last STATUS %t, an ERROR %t; want %d DONEs", seed, round, use, cut, len(said), done, last, wrong, max(whole, 0))
			}
		}
		c.Close()
		r.waitIdle()
		if n := arrived() - before; use == ring.Publish && half && n != uint64(max(whole, 0)) || use == ring.Publish && n > uint64(max(whole, 0)) || use == ring.Encode && n != 0 {
			t.Errorf("seed %d, round %d, %s of %d of %d bytes: got %d frames, want %d", seed, round, use, cut, len(said), n, max(whole, 0))
		}
	}
}

// TestBadHellos: each is refused with a reason, and counted, and the server is as before.
func TestBadHellos(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Limits.MemoryBudget = 64 * config.MiB; c.Limits.MemoryFloor = 0 })
	spec, err := json.Marshal(w1)
	if err != nil {
		t.Fatal(err)
	}
	version := hello("{}")
	version[8] = 2
	long := hello("")
	long[4], long[5], long[6] = 1, 0x40, 0
	tests := []struct {
		name         string
		send         []byte
		kind         fault.Kind
		text         string
		field, limit string
	}{
		{"http", []byte("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n"), fault.Unsupported, "something else", "", ""},
		{"version", version, fault.Unsupported, "got version 2", "", ""},
		{"long", long, fault.TooLarge, "got 16385", "", "bytes of a hello"},
		{"no-json", hello("{"), fault.Invalid, "hello", "", ""},
		{"two-objects", hello(`{"use":"encode"} {}`), fault.Invalid, "more after", "", ""},
		{"unknown-name", hello(`{"use":"encode","slot":3}`), fault.Invalid, "slot", "slot", ""},
		{"use", hello(`{"use":"dance"}`), fault.Invalid, "dance", "use", ""},
		{"slots", hello(`{"use":"encode","slots":65}`), fault.Invalid, "1..64", "slots", ""},
		{"slots-negative", hello(`{"use":"encode","slots":-1}`), fault.Invalid, "slots", "slots", ""},
		{"batch", hello(`{"use":"encode","batch":4097}`), fault.TooLarge, "limits.max_batch", "", "limits.max_batch"},
		{"batch-publish", hello(`{"use":"publish","stream":"x","batch":2}`), fault.Invalid, "batch", "batch", ""},
		{"no-spec", hello(`{"use":"encode"}`), fault.Invalid, "format", "input.format", ""},
		{"spec", hello(`{"use":"encode","spec":{"input":{"format":"bgr24","width":-5,"height":4}}}`), fault.Invalid, "width", "input.width", ""},
		{"pixels", hello(`{"use":"encode","spec":{"input":{"format":"bgr24","width":60000,"height":60000}}}`), fault.TooLarge, "limits.max_pixels", "", "limits.max_pixels"},
		{"memory", hello(`{"use":"encode","slots":64,"batch":64,"spec":` + string(spec) + `}`), fault.TooLarge, "limits.memory_budget", "", "limits.memory_budget"},
		{"no-stream", hello(`{"use":"watch"}`), fault.Invalid, "stream", "stream", ""},
		{"stream", hello(`{"use":"watch","stream":"nobody"}`), fault.NotFound, "nobody", "stream", ""},
		{"stream-name", hello(`{"use":"publish","stream":"../x","spec":` + string(spec) + `}`), fault.Invalid, "name", "stream", ""},
		{"fps", hello(`{"use":"publish","stream":"x","fps":-1,"spec":` + string(spec) + `}`), fault.Invalid, "fps", "fps", ""},
		{"jpeg-bytes", hello(`{"use":"publish","stream":"x","jpeg_bytes":2000000000}`), fault.TooLarge, "limits.max_message_bytes", "", "limits.max_message_bytes"},
		{"client", hello(`{"use":"watch","stream":"x","client":"` + strings.Repeat("c", 65) + `"}`), fault.Invalid, "client", "client", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := r.rejected(tt.kind)
			c := r.raw()
			if _, err := c.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			e := ending(t, c)
			if e.Code != codeOf(&fault.Error{Kind: tt.kind}) || !strings.Contains(e.Text, tt.text) {
				t.Errorf("got code %d: %s, want %s with %q", e.Code, e.Text, tt.kind, tt.text)
			}
			if e.Field != tt.field || e.Limit != tt.limit || (e.Limit != "") != (e.Got > e.Max) {
				t.Errorf("got field %q, limit %q (%d of %d), want %q, %q", e.Field, e.Limit, e.Got, e.Max, tt.field, tt.limit)
			}
			if n := r.rejected(tt.kind); n != before+1 {
				t.Errorf("got %d rejected as %s, want %d", n, tt.kind, before+1)
			}
		})
	}
	r.waitIdle()
}

// TestSlowHello: a connection that says no whole hello is ended after timeouts.receive.
func TestSlowHello(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Timeout.Receive = config.Duration(50 * time.Millisecond) })
	for _, n := range []int{0, 1, ring.Size, ring.Size + 3} {
		c := r.raw()
		_, _ = c.Write(hello(`{"use":"encode"}`)[:n]) // On a busy machine the server has ended it already.
		if e := ending(t, c); e.Code != 13 || !strings.Contains(e.Text, "timeouts.receive") {
			t.Errorf("%d bytes: got code %d: %s, want 13 and timeouts.receive", n, e.Code, e.Text)
		}
	}
	for _, n := range []int{0, 1, ring.Size + 3} { // These go away in the middle.
		c := r.raw()
		_, _ = c.Write(hello(`{"use":"encode"}`)[:n]) // as above
		c.Close()
	}
	r.waitIdle()
}

// TestBadMessages: whatever breaks the protocol ends that connection with a reason, and no other.
func TestBadMessages(t *testing.T) {
	r := start(t, nil)
	other := r.encoder(ring.Hello{Spec: w1})
	submit := func(slot, generation, frames uint32) []byte {
		s := ring.Submit{Slot: slot, Generation: generation, Frames: frames}
		var m ring.Message
		s.Set(&m)
		return m[:]
	}
	release := func(slot, generation uint32) []byte {
		var m ring.Message
		m.SetRelease(slot, generation)
		return m[:]
	}
	payload := submit(0, 1, 1)
	payload[4] = 1
	unknown := submit(0, 1, 1)
	unknown[0] = 99
	sized := submit(0, 1, 1)
	sized[20] = 9
	var ping ring.Message
	ping.SetPing()
	tests := []struct {
		name string
		use  ring.Use
		send []byte
		text string
	}{
		{"slot", ring.Encode, submit(4, 1, 1), "slot 4"},
		{"slot-huge", ring.Encode, submit(1<<32-1, 1, 1), "slot"},
		{"generation", ring.Encode, submit(0, 2, 1), "generation 2"},
		{"generation-old", ring.Encode, submit(0, 0, 1), "generation 0"},
		{"twice", ring.Encode, append(submit(0, 1, 2), submit(0, 1, 2)...), "slot 0"},
		{"frames-none", ring.Encode, submit(0, 1, 0), "1..2"},
		{"frames", ring.Encode, submit(0, 1, 3), "1..2"},
		{"frames-huge", ring.Encode, submit(0, 1, 1<<32-1), "1..2"},
		{"unknown", ring.Encode, unknown, "kind 99"},
		{"payload", ring.Encode, payload, "payload"},
		{"hello-again", ring.Encode, hello("{}"), "payload"},
		{"release", ring.Encode, release(0, 1), "want SUBMIT"},
		{"pings", ring.Encode, bytes.Repeat(ping[:], 2000), "PINGs"},
		{"publish-slot", ring.Publish, submit(7, 1, 1), "slot 7"},
		{"publish-twice", ring.Publish, append(submit(0, 1, 1), submit(0, 1, 1)...), "slot 0"},
		{"publish-frames", ring.Publish, submit(0, 1, 2), "2 frames"},
		{"publish-sized", ring.Publish, sized, "9 bytes"},
		{"watch-release", ring.Watch, release(0, 1), "slot 0"},
		{"watch-slot", ring.Watch, release(9, 1), "slot 9"},
		{"watch-submit", ring.Watch, submit(0, 1, 1), "want RELEASE"},
	}
	r.publisher(ring.Hello{Stream: "there", Spec: w1})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := ring.Hello{Use: tt.use, Spec: w1}
			switch tt.use {
			case ring.Encode:
				h.Batch = 2
			case ring.Publish:
				h.Stream = "cam"
			case ring.Watch:
				h.Stream = "there"
			}
			before := r.rejected(fault.Invalid)
			c := r.dial(h)
			if err := c.Send(tt.send); err != nil && tt.name != "pings" {
				t.Fatal(err)
			}
			var m ring.Message
			var err error
			for err == nil {
				_, err = c.Recv(&m)
			}
			var s *ring.ServerError
			if !errors.As(err, &s) || s.Code != 2 || !strings.Contains(s.Text, tt.text) {
				t.Errorf("got %v, want code 2 with %q", err, tt.text)
			}
			if n := r.rejected(fault.Invalid); n != before+1 {
				t.Errorf("got %d rejected as invalid, want %d", n, before+1)
			}
			c.Close()
		})
	}
	other.submit(0, 1)
	if d := other.done(); d.Failed != 0 {
		t.Errorf("the other client: got %+v", d)
	}
}

// TestDescriptorsAreClosed: whatever descriptors a client sends, the server keeps none.
func TestDescriptorsAreClosed(t *testing.T) {
	r := start(t, nil)
	c := r.raw()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rights := unix.UnixRights(int(writer.Fd()), int(writer.Fd()))
	spec, err := json.Marshal(w1)
	if err != nil {
		t.Fatal(err)
	}
	h := hello(`{"use":"encode","spec":` + string(spec) + `}`)
	if _, _, err := c.WriteMsgUnix(h[:ring.Size], rights, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(h[ring.Size:]); err != nil {
		t.Fatal(err)
	}
	var accepted [ring.Size]byte
	if _, err := io.ReadFull(c, accepted[:]); err != nil {
		t.Fatal(err)
	}
	var ping ring.Message
	ping.SetPing()
	for range 3 {
		if _, _, err := c.WriteMsgUnix(ping[:], rights, nil); err != nil {
			t.Fatal(err)
		}
	}
	writer.Close()
	reader.SetReadDeadline(time.Now().Add(2 * time.Minute))
	if n, err := reader.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("got %d, %v from the pipe, want io.EOF: somebody still has its other end", n, err)
	}
}

// TestNeverReads: a client that submits without end and reads nothing is disconnected, and counted as slow.
func TestNeverReads(t *testing.T) {
	r := start(t, nil)
	c := r.encoder(ring.Hello{Spec: w1, Slots: 2})
	var err error
	for n := 0; err == nil; n++ {
		s := ring.Submit{Slot: uint32(n % 2), Generation: uint32(n/2 + 1), Frames: 1}
		s.Set(&c.m)
		err = c.Send(c.m[:])
	}
	c.Close()
	r.waitIdle()
	if n := r.rejected(fault.Slow) + r.rejected(fault.Invalid); n != 1 { // invalid: the server was slower, and had the slot still
		t.Errorf("got %d rejected, want 1", n)
	}
}

// TestIdle: a client that is silent for timeouts.idle is disconnected, and not one that sends PING.
func TestIdle(t *testing.T) {
	patience.Grow(t, 2*time.Second, idle)
}

func idle(t testing.TB, limit time.Duration) {
	r := start(t, func(c *config.Config) { c.Timeout.Idle = config.Duration(limit) })
	silent, pings := r.encoder(ring.Hello{Spec: w1}), r.encoder(ring.Hello{Spec: w1})
	told := make(chan error, 1)
	go func() {
		var m ring.Message
		_, err := silent.Recv(&m)
		told <- err
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-told:
			var s *ring.ServerError
			if !errors.As(err, &s) || s.Code != 13 || !strings.Contains(s.Text, "timeouts.idle") {
				t.Errorf("got %v, want code 13 and timeouts.idle", err)
			}
			pings.submit(0, 1)
			pings.done()
			return
		case <-tick.C:
			pings.m.SetPing()
			if err := pings.Send(pings.m[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestGoneWhileWaiting: a client that goes away while its frames wait for a turn does not keep its memory until then.
func TestGoneWhileWaiting(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Workers = 1 })
	busy, free := make(chan struct{}), make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		r.engine.InTurn(t.Context(), false, func(func() error) error {
			close(busy)
			<-free
			return nil
		})
	})
	<-busy
	c := r.encoder(ring.Hello{Spec: w1})
	c.submit(0, 1)
	r.eventually("the frame does not wait", func() bool { _, waiting := r.engine.Queue(); return waiting == 1 })
	c.Close()
	r.waitIdle()
	close(free)
	holding.Wait()
}

// TestAccountKnowsTheRing: shared memory is in the account and in the budget.
func TestAccountKnowsTheRing(t *testing.T) {
	r := start(t, nil)
	c := r.encoder(ring.Hello{Spec: w1})
	bytes := int64(c.Layout.Slots * (c.Layout.InputSlot + c.Layout.OutputSlot))
	held := int64(-1)
	for _, u := range r.engine.Account.Read().Held {
		if u.Kind == "ring" {
			held = u.Bytes
		}
	}
	if admitted := r.engine.Pool.Stats().Admitted; held != bytes || admitted < bytes {
		t.Errorf("got %d bytes held and %d admitted, want %d and at least as many", held, admitted, bytes)
	}
}
