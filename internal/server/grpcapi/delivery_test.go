package grpcapi

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// outMessages are messages for a delivery, and the same for protobuf.
func outMessages() []outMessage {
	long := bytes.Repeat([]byte("jpeg"), 20000)
	want := &api.EncodeResponse{Id: 1, QueueUs: 5, RunUs: 1 << 40}
	r := &response{ID: 1, QueueUS: 5, RunUS: 1 << 40}
	for _, p := range []responseImage{{Data: long}, {Data: long[:pieceOut]}, {Data: long[:pieceOut+minLent-1]}, {Data: long[:pieceOut+minLent]},
		{Data: long[:minLent]}, {Data: long[:minLent-1]}, {}, {Code: 3, Message: "frame: too short"}, {Code: -1}, {Message: strings.Repeat("m", 3*pieceOut)}} {
		r.Images = append(r.Images, p)
		want.Pictures = append(want.Pictures, &api.Picture{Data: p.Data, Code: p.Code, Message: p.Message})
	}
	return []outMessage{
		{"no-status", &publishStatus{}, &api.PublishStatus{}},
		{"status", &publishStatus{Arrived: 1, Published: 1 << 40, Same: 3, Dropped: [5]uint64{4, 5, 6, 7, 8}, Viewers: 9, FPSOut: 12.5},
			&api.PublishStatus{Arrived: 1, Published: 1 << 40, Same: 3, Dropped: &api.Dropped{Newer: 4, Capped: 5, Unseen: 6, NoMemory: 7, Failed: 8}, Viewers: 9, FpsOut: 12.5}},
		{"some-status", &publishStatus{Arrived: 2, Dropped: [5]uint64{2: 200}}, &api.PublishStatus{Arrived: 2, Dropped: &api.Dropped{Unseen: 200}}},
		{"no-image", &watchImage{}, &api.WatchPicture{}},
		{"image", &watchImage{Data: []byte("jpeg"), Seq: 1, CapturedUS: 1 << 50, SentUS: 1<<50 + 1, Width: 640, Height: 360, Offline: true, Repeat: true},
			&api.WatchPicture{Data: []byte("jpeg"), Seq: 1, CapturedUs: 1 << 50, SentUs: 1<<50 + 1, Width: 640, Height: 360, Offline: true, Repeat: true}},
		{"image-of-nodes", &watchImage{Data: []byte("jpeg"), Alpha: []byte("alpha"), Path: []string{"a", "node-2"}},
			&api.WatchPicture{Data: []byte("jpeg"), Alpha: []byte("alpha"), Path: []string{"a", "node-2"}}},
		{"large-image", &watchImage{Data: long, Seq: 300}, &api.WatchPicture{Data: long, Seq: 300}},
		{"no-response", &response{}, &api.EncodeResponse{}},
		{"id", &response{ID: 1 << 63}, &api.EncodeResponse{Id: 1 << 63}},
		{"response", r, want},
	}
}

type outMessage struct {
	name string
	m    interface{ marshal(*delivery) }
	want proto.Message
}

// alone returns a connection without a network.
func alone() *connection { return connectionOf(context.Background()) }

// TestDeliveriesAreProtobuf: and when the last reference to one is gone, it has left, once.
func TestDeliveriesAreProtobuf(t *testing.T) {
	left := 0
	d := newDelivery(alone(), nil, func() { left++ })
	for range 2 { // the second time in the same memory
		for _, tt := range outMessages() {
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			left = 0
			tt.m.marshal(d)
			small := cap(d.small)
			out, err := newCodec().Marshal(d.seal(nil, pool.Grant{}, 0))
			if err != nil {
				t.Fatal(err)
			}
			if cap(d.small) != small || small > 256<<10 {
				t.Errorf("%s: got %d bytes for what is not lent, then %d: the size was not foreseen", tt.name, small, cap(d.small))
			}
			if got := out.Materialize(); !bytes.Equal(got, want) {
				t.Errorf("%s: got %d bytes %.40x, want %d bytes %.40x", tt.name, len(got), got, len(want), want)
			}
			out.Ref()
			out.Free()
			if left != 0 || d.waiting() == 0 {
				t.Errorf("%s: it has left while it is held", tt.name)
			}
			out.Free()
			d.sent(nil, false)
			if left != 1 || d.waiting() != 0 {
				t.Errorf("%s: got told %d times that it has left, want once", tt.name, left)
			}
		}
	}
}

func TestDeliveryAllocatesNothing(t *testing.T) {
	r := &response{ID: 1, QueueUS: 2, RunUS: 3}
	for range 25 {
		r.Images = append(r.Images, responseImage{Data: make([]byte, 27000), Message: "x"})
	}
	for _, m := range []interface{ marshal(*delivery) }{r, &watchImage{Data: make([]byte, 100_000), Seq: 1, CapturedUS: 1 << 50}, &publishStatus{Arrived: 1}} {
		d := newDelivery(alone(), nil, func() {})
		alloctest.Zero(t, 100, func() {
			m.marshal(d)
			d.seal(nil, pool.Grant{}, 0).data.Free()
		})
	}
}

// lease returns a delivery on c with a message that holds 100 KB of a new pool, and the pool.
func lease(t *testing.T, c *connection) (*delivery, *pool.Pool) {
	t.Helper()
	e := engine.New(config.Default(), metrics.New(), nil)
	t.Cleanup(e.Close)
	d := newDelivery(c, e.NewSending(c.cut), func() {})
	return leaseOn(t, d)
}

// leaseOn gives d, which is free, a message that holds 100 KB of a new pool.
func leaseOn(t *testing.T, d *delivery) (*delivery, *pool.Pool) {
	t.Helper()
	p := pool.New(&pool.Options{Budget: 1 << 20})
	buf, err := p.Get(100_000)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := p.Admit(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	(&watchImage{Data: buf.Bytes()}).marshal(d)
	size := memory([]pool.Buf{buf})
	grant.Shrink(size)
	if got := p.Stats().Admitted; got != size || size < 100_000 {
		t.Fatalf("got %d bytes admitted, want the %d of the JPEG", got, size)
	}
	d.seal([]pool.Buf{buf}, grant, size)
	return d, p
}

// checkHeld fails the test unless c's messages hold some memory of p, or none.
func checkHeld(t *testing.T, when string, c *connection, p *pool.Pool, want bool) {
	t.Helper()
	s := p.Stats()
	if some := s.InUse > 0; some != want || (s.Admitted > 0) != want || (c.unsent.Load() > 0) != want {
		t.Errorf("%s: got %d bytes leased, %d admitted, %d unsent; want some: %t", when, s.InUse, s.Admitted, c.unsent.Load(), want)
	}
	if !want {
		if leaks := pooltest.Leaks(s); leaks != "" {
			t.Errorf("%s: %s", when, leaks)
		}
	}
}

// TestDeliveryHolds: the memory stays until the last piece is back, and no longer, whichever way it ends.
func TestDeliveryHolds(t *testing.T) {
	t.Run("sent", func(t *testing.T) {
		c := alone()
		d, p := lease(t, c)
		data := d.out.data
		data[len(data)-1].Free()
		for i := range len(data) - 1 {
			checkHeld(t, "some pieces are back", c, p, true)
			data[i].Free()
		}
		checkHeld(t, "all are back", c, p, false)
		d.held.drop() // nothing more
	})
	t.Run("not-asked-for", func(t *testing.T) {
		c := alone()
		d, p := lease(t, c)
		d.sent(errors.New("broken"), false)
		checkHeld(t, "SendMsg failed", c, p, false)
	})
	for _, tt := range []struct {
		name string
		end  func(*connection) // tells that grpc-go reads nothing any more
	}{
		{"closed-twice", func(c *connection) { _, _ = c.Close(), c.Close() }},
		{"closed-and-write-failed", func(c *connection) {
			_ = c.Close()
			if _, err := c.Write([]byte{1}); err == nil {
				t.Error("got no error of a write to a closed connection")
			}
		}},
		{"cut-and-closed-twice", func(c *connection) { c.hangUp(nil); _, _ = c.Close(), c.Close() }},
	} {
		t.Run("connection-"+tt.name, func(t *testing.T) {
			c := newConnections(nil, time.Minute, nil).connect(t)
			d, p := lease(t, c)
			tt.end(c)
			checkHeld(t, "the connection has ended, and grpc-go is done", c, p, false)
			d, p = leaseOn(t, d)
			d.sent(nil, true)
			checkHeld(t, "a message came later", c, p, false)
		})
	}
	t.Run("connection-ended-without-a-word", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			all := newConnections(nil, time.Minute, nil)
			c := all.connect(t)
			d, p := lease(t, c)
			d.held.retire()
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			all.look(time.Now())
			checkHeld(t, "the connection has just ended", c, p, true)
			<-time.After(forgetAfter)
			all.look(time.Now())
			checkHeld(t, "a while after the connection's end", c, p, false)
			if len(all.open) != 0 || len(c.held) != 0 {
				t.Errorf("got %d connections and %d messages remembered, want none", len(all.open), len(c.held))
			}
		})
	})
	t.Run("forgotten", func(t *testing.T) {
		c := alone()
		_, p := lease(t, c) // grpc-go and the call have both forgotten it
		deadline := time.Now().Add(2 * time.Minute)
		for p.Stats().InUse > 0 && time.Now().Before(deadline) {
			runtime.GC()
			runtime.Gosched()
		}
		checkHeld(t, "nobody knows of it", c, p, false)
	})
}

// connect returns a connection of all whose other end is never read.
func (s *connections) connect(t *testing.T) *connection {
	t.Helper()
	near, far := netPipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	_, info, err := s.ServerHandshake(near)
	if err != nil {
		t.Fatal(err)
	}
	return info.(*connection)
}

// TestWatchdog: a peer that reads a MiB within timeouts.send has as long again; one that does not loses its connection.
func TestWatchdog(t *testing.T) {
	e := engine.New(config.Default(), metrics.New(), nil)
	t.Cleanup(e.Close)
	for _, tt := range []struct {
		name  string
		takes time.Duration // how often a MiB is taken; 0: never
		want  time.Duration // when the connection is closed; 0: it is not
	}{
		{"reads-nothing", 0, 10 * time.Second},
		{"reads-slowly", 9 * time.Second, 0},
		{"reads-too-slowly", 11 * time.Second, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, kinds := &logtest.Buffer{}, 0
				all := newConnections(textLogger(log), 10*time.Second, func(k fault.Kind) {
					if k != fault.Slow {
						t.Errorf("got %v counted, want Slow", k)
					}
					kinds++
				})
				all.start()
				defer all.Close()
				c := all.connect(t)
				d := newDelivery(c, e.NewSending(c.cut), func() {})
				big := &watchImage{Data: make([]byte, 100<<20)}
				begin := time.Now()
				big.marshal(d)
				data := d.seal(nil, pool.Grant{}, 100<<20).data
				defer func() { data.Free() }()
				for pieces := 0; time.Since(begin) < 22*time.Second && c.closed.Load() == 0; {
					if tt.takes > 0 && time.Since(begin)/tt.takes > time.Duration(pieces/progressPieces) {
						for range progressPieces {
							data[0].Free()
							data, pieces = data[1:], pieces+1
						}
					}
					<-time.After(lookEvery)
				}
				took := time.Since(begin)
				if closed := c.closed.Load() != 0; closed != (tt.want > 0) || closed && (took < tt.want || took > tt.want+4*lookEvery) {
					t.Errorf("got closed %t after %v, want after %v (0: not)", closed, took, tt.want)
				}
				if f := c.cause.Load(); (f != nil) != (tt.want > 0) || (kinds == 1) != (tt.want > 0) ||
					strings.Contains(log.String(), "closing a gRPC connection whose peer does not read") != (tt.want > 0) {
					t.Errorf("got cause %v, %d counted, log %q", f, kinds, log.String())
				}
			})
		})
	}
}

// TestDeliveryBesideTheEnd: a connection may end while a call begins. The race detector looks on.
func TestDeliveryBesideTheEnd(t *testing.T) {
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	for range 100 {
		c := alone()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.quiet()
		}()
		newDelivery(c, e.NewSending(c.cut), func() {}).held.retire()
		<-ended
	}
}
