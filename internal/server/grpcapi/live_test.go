package grpcapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// serveLive serves c with run, beside live streams, and returns its outcome, after all of it has ended; then nothing may
// be leased or admitted.
func serveLive(t *testing.T, c *scripted, run func(*service) error) error {
	t.Helper()
	e := engine.New(config.Default(), metrics.New(), nil)
	l, err := live.New(e, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	living, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.Run(living) })
	s := &service{engine: e, live: l, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx, c.cancel = ctx, cancel
	err = run(s)
	cancel() // as grpc-go does when the handler returns
	s.wait.Wait()
	stop()
	running.Wait()
	e.Close()
	if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
		t.Error(leaks)
	}
	return err
}

func (c *scripted) publish(s *service) error { return newPublishing(s, c, c).run() }
func (c *scripted) watch(s *service) error   { return newWatching(s, c, c).run() }

// framed returns messages as gRPC frames them.
func framed(t *testing.T, messages ...proto.Message) []byte {
	t.Helper()
	var out []byte
	for _, m := range messages {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(binary.BigEndian.AppendUint32(append(out, 0), uint32(len(data))), data...)
	}
	return out
}

// publishing3 returns two requests with three frames, and the length of the first.
func publishing3(t *testing.T) (data []byte, first int) {
	t.Helper()
	one := &api.PublishRequest{Stream: "cam1", Spec: specMessage(t, gray), Frames: [][]byte{make([]byte, 900), bytes.Repeat([]byte{9}, 900)}}
	two := &api.PublishRequest{CapturedUs: 1, Frames: [][]byte{make([]byte, 900)}}
	return framed(t, one, two), len(framed(t, one))
}

func TestPublish(t *testing.T) {
	data, _ := publishing3(t)
	c := &scripted{in: bytes.NewReader(data)}
	if err := serveLive(t, c, c.publish); err != nil {
		t.Fatal(err)
	}
	var status api.PublishStatus
	if len(c.sent) == 0 || proto.Unmarshal(c.sent[len(c.sent)-1], &status) != nil || status.GetArrived() != 3 || status.GetDropped().GetUnseen() != 3 {
		t.Errorf("got %d statuses, the last %v, want three frames that nobody saw", len(c.sent), &status)
	}
}

// TestPublishHeldUp: a call that began before that of the present publisher does not get the stream.
func TestPublishHeldUp(t *testing.T) {
	data, _ := publishing3(t)
	c := &scripted{in: bytes.NewReader(data)}
	err := serveLive(t, c, func(s *service) error {
		early := newPublishing(s, c, c)
		late, err := s.live.Publish(t.Context(), "cam1", live.Settings{JPEG: true, Began: early.began.Add(1)})
		if err != nil {
			t.Fatal(err)
		}
		defer late.Close()
		err = early.run()
		if late.Err() != nil {
			t.Errorf("the one that began later ended: %v", late.Err())
		}
		return err
	})
	if f := fault.From(err); f == nil || f.Kind != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// TestLevel: a call that ended as its caller wanted is no warning.
func TestLevel(t *testing.T) {
	for _, tt := range []struct {
		method string
		kind   fault.Kind
		want   slog.Level
	}{
		{"Watch", fault.Deadline, slog.LevelDebug},
		{"Publish", fault.Deadline, slog.LevelDebug},
		{"Encode", fault.Deadline, slog.LevelWarn},
		{"EncodeStream", fault.Deadline, slog.LevelWarn},
		{"Watch", fault.Canceled, slog.LevelDebug},
		{"Watch", fault.Slow, slog.LevelWarn},
		{"Watch", fault.Internal, slog.LevelError},
	} {
		if got := level(tt.method, tt.kind); got != tt.want {
			t.Errorf("%s, %v: got %v, want %v", tt.method, tt.kind, got, tt.want)
		}
	}
}

// TestPublishBrokenAnywhere: wherever the bytes end, or reading panics, the call fails with the right kind, and nothing is
// lost.
func TestPublishBrokenAnywhere(t *testing.T) {
	data, first := publishing3(t)
	for n := range data {
		if n > 100 && n%197 != 0 { // The rest is frames' bytes.
			continue
		}
		c := &scripted{in: bytes.NewReader(data[:n])}
		err := serveLive(t, c, c.publish)
		if whole := n == first; whole != (err == nil) || err != nil && fault.From(err).Kind != fault.Invalid {
			t.Errorf("after %d bytes: got %v, want Invalid inside a message", n, err)
		}
		c = &scripted{in: bytes.NewReader(data), failAt: int64(n), fail: func() { panic("broken transport") }}
		err = serveLive(t, c, c.publish)
		if n > len(data)-388 { // No read begins inside the last piece of a frame.
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Internal || !strings.Contains(f.Error(), "broken transport") {
			t.Errorf("panic after %d bytes: got %v, want Internal", n, err)
		}
	}
}

// TestPublisherFallsSilent: inside a message timeouts.receive ends the call, between messages timeouts.idle.
func TestPublisherFallsSilent(t *testing.T) {
	data, first := publishing3(t)
	for _, n := range []int{0, 1, 5, 20, first - 1000, first - 1, first, first + 1, len(data) - 1, len(data)} {
		t.Run(fmt.Sprintf("bytes=%d", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				c := &scripted{in: bytes.NewReader(data[:n]), silent: true}
				err := serveLive(t, c, c.publish)
				want := config.Default().Timeout.Receive
				if n < 5 || n == first || n == len(data) || n == first+1 {
					want = config.Default().Timeout.Idle
				}
				if f := fault.From(err); f == nil || f.Kind != fault.Slow || time.Since(begin) != time.Duration(want) {
					t.Errorf("got %v after %v, want Slow after %v", err, time.Since(begin), time.Duration(want))
				}
			})
		})
	}
}

// TestStatusesComeEverySecond: also when there is nothing new, and the first at once.
func TestStatusesComeEverySecond(t *testing.T) {
	data, _ := publishing3(t)
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{in: bytes.NewReader(data), silent: true}
		time.AfterFunc(4500*time.Millisecond, func() { c.cancel() })
		if f := fault.From(serveLive(t, c, c.publish)); f == nil || f.Kind != fault.Canceled {
			t.Errorf("got %v, want Canceled", f)
		}
		if len(c.sent) != 5 {
			t.Errorf("got %d statuses in 4.5 s, want 5", len(c.sent))
		}
	})
}

// TestWatcherFallsSilent: before its first request is there, that ends the call; after that it may.
func TestWatcherFallsSilent(t *testing.T) {
	request := framed(t, &api.WatchRequest{Stream: "cam1", Pictures: 2})
	for n := range len(request) + 1 {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			c := &scripted{in: bytes.NewReader(request[:n]), silent: true}
			time.AfterFunc(time.Hour, func() { c.cancel() })
			err := serveLive(t, c, func(s *service) error {
				if err := s.live.Hub.Add("cam1"); err != nil {
					t.Fatal(err)
				}
				return c.watch(s)
			})
			kind, after := fault.Slow, time.Duration(config.Default().Timeout.Receive)
			if n == len(request) {
				kind, after = fault.Canceled, time.Hour
			}
			if f := fault.From(err); f == nil || f.Kind != kind || time.Since(begin) != after {
				t.Errorf("after %d bytes: got %v after %v, want %s after %v", n, err, time.Since(begin), kind, after)
			}
		})
	}
}

// TestWatchBrokenAnywhere: wherever the bytes end, or reading panics, the call fails with the right kind. Where they end
// between two requests, what was asked for is sent.
func TestWatchBrokenAnywhere(t *testing.T) {
	first, second, wrong := &api.WatchRequest{Stream: "cam1", MaxFps: 5, Pictures: 2}, &api.WatchRequest{Pictures: 1}, &api.WatchRequest{Stream: "cam2"}
	data := framed(t, first, second, wrong)
	images := map[int]int{len(framed(t, first)): 2, len(framed(t, first, second)): 3} // after so many bytes
	lastRead := len(framed(t, first, second)) + 5
	watch := func(t *testing.T, c *scripted) error {
		return serveLive(t, c, func(s *service) error {
			if err := s.live.Hub.Add("cam1"); err != nil { // It has no source: there is an image that says so.
				t.Fatal(err)
			}
			return c.watch(s)
		})
	}
	for n := range data {
		t.Run(fmt.Sprintf("bytes=%d", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &scripted{in: bytes.NewReader(data[:n])}
				err := watch(t, c)
				if want, whole := images[n]; whole && (err != nil || len(c.sent) != want) {
					t.Errorf("got %d images, %v, want %d", len(c.sent), err, want)
				} else if !whole && (fault.From(err) == nil || fault.From(err).Kind != fault.Invalid) {
					t.Errorf("got %v, want Invalid", err)
				}
				if n > lastRead {
					return
				}
				c = &scripted{in: bytes.NewReader(data), failAt: int64(n), fail: func() { panic("broken transport") }}
				if f := fault.From(watch(t, c)); f == nil || f.Kind != fault.Internal || !strings.Contains(f.Error(), "broken transport") {
					t.Errorf("panic: got %v, want Internal", f)
				}
			})
		})
	}
}

// TestListStreamsWaitsForItsRequest: and not for ever.
func TestListStreamsWaitsForItsRequest(t *testing.T) {
	request := framed(t, &api.ListStreamsRequest{})
	for n := range len(request) + 1 {
		synctest.Test(t, func(t *testing.T) {
			list := func(c *scripted) error {
				return serveLive(t, c, func(s *service) error { return s.listStreams(c, c) })
			}
			begin := time.Now()
			err := list(&scripted{in: bytes.NewReader(request[:n]), silent: true})
			if whole := n == len(request); whole && err != nil {
				t.Errorf("got %v for a whole request", err)
			} else if f := fault.From(err); !whole && (f == nil || f.Kind != fault.Slow || time.Since(begin) != time.Duration(config.Default().Timeout.Receive)) {
				t.Errorf("after %d bytes: got %v after %v, want Slow after timeouts.receive", n, err, time.Since(begin))
			}
			if f := fault.From(list(&scripted{in: bytes.NewReader(request[:n])})); n < len(request) && (f == nil || f.Kind != fault.Invalid) {
				t.Errorf("the end after %d bytes: got %v, want Invalid", n, f)
			}
		})
	}
	long := &scripted{in: bytes.NewReader(append([]byte{0, 0, 0, 16, 0}, make([]byte, 4096)...))}
	if f := fault.From(serveLive(t, long, func(s *service) error { return s.listStreams(long, long) })); f == nil || f.Kind != fault.Invalid {
		t.Errorf("got %v for a request of 4096 bytes, want Invalid", f)
	}
}

// TestSlowIsNotStalled: a viewer that has read a part of an image within live.stall is given as long again, one that
// has read nothing is not.
func TestSlowIsNotStalled(t *testing.T) {
	c := &scripted{in: bytes.NewReader(nil)}
	err := serveLive(t, c, func(s *service) error {
		w := newWatching(s, c, c)
		image := watchImage{Data: make([]byte, 100_000)}
		image.marshal(w.delivery)
		chunks := w.delivery.seal(nil, pool.Grant{}, 0).data
		w.waiting = w.delivery.waiting()
		for i := range chunks {
			chunks[i].Free()
			if err := w.stalled(); err != nil {
				t.Errorf("after %d of %d chunks: got %v, want more time", i+1, len(chunks), err)
			}
		}
		return w.stalled()
	})
	if f := fault.From(err); f == nil || f.Kind != fault.Slow || !strings.Contains(f.Error(), "live.stall") {
		t.Errorf("got %v for one that read nothing, want Slow", err)
	}
}

func TestCredit(t *testing.T) {
	c := credit{changed: make(chan struct{}, 1)}
	check := func(what string, some, over bool) {
		t.Helper()
		if gotSome, gotOver := c.state(); gotSome != some || gotOver != over {
			t.Errorf("%s: got some %t, over %t, want %t, %t", what, gotSome, gotOver, some, over)
		}
	}
	c.begin(false, 2)
	check("two", true, false)
	c.spend()
	c.spend()
	check("none", false, false)
	c.add(1<<32 - 1)
	c.add(1)
	check("more", true, false)
	c.end()
	check("the last", true, false)
	c.begin(false, 0)
	check("all spent", false, true)
	c.begin(true, 0)
	c.spend()
	check("endless", true, false)
	if len(c.changed) != 1 {
		t.Error("got no word of the changes")
	}
}

// TestPublishFieldsInAnyOrder: what the first message says of the stream, and when a frame was captured, may stand behind the
// frames, of raw frames and JPEGs alike.
func TestPublishFieldsInAnyOrder(t *testing.T) {
	spec, err := proto.Marshal(specMessage(t, gray))
	if err != nil {
		t.Fatal(err)
	}
	frame := string(make([]byte, 900))
	tests := []struct {
		name   string
		first  message
		frames uint64
		want   string // in the error
	}{
		{"as-written", message{}.bytes(1, "cam1").bytes(2, string(spec)).bytes(5, frame).bytes(5, frame), 2, ""},
		{"frames-first", message{}.bytes(5, frame).bytes(5, frame).bytes(2, string(spec)).bytes(1, "cam1"), 2, ""},
		{"between", message{}.bytes(5, frame).bytes(1, "cam1").tag(4, protowire.VarintType).varint(7).bytes(5, frame).bytes(2, string(spec)), 2, ""},
		{"rate-last", append(message{}.bytes(1, "cam1").bytes(2, string(spec)).bytes(5, frame).tag(3, protowire.Fixed64Type), 0, 0, 0, 0, 0, 0, 0x14, 0x40), 1, ""},
		{"jpeg-first", message{}.bytes(5, frame).bytes(1, "cam1"), 1, ""},
		{"no-stream", message{}.bytes(5, frame).bytes(2, string(spec)), 0, "has no stream"},
		{"wrong-size", message{}.bytes(5, frame[1:]).bytes(2, string(spec)).bytes(1, "cam1"), 0, "got a frame of 899 bytes, want 900"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(tt.first))), tt.first...)
			c := &scripted{in: bytes.NewReader(data)}
			err := serveLive(t, c, c.publish)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, want %q", err, tt.want)
				}
				return
			}
			var status api.PublishStatus
			if err != nil || len(c.sent) == 0 || proto.Unmarshal(c.sent[len(c.sent)-1], &status) != nil || status.GetArrived() != tt.frames {
				t.Errorf("got %v, status %v, want %d frames", err, &status, tt.frames)
			}
		})
	}
}
