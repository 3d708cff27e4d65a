package grpcapi

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// large are frames of 300 KB.
var large = pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 640, Height: 480}}

// largeRequest returns the bytes of a request of so many of them, of noise, which nothing compresses, or of zeros.
func largeRequest(t *testing.T, frames int, noise bool) []byte {
	t.Helper()
	spec, err := apispec.ToProto(large)
	if err != nil {
		t.Fatal(err)
	}
	r, random := &api.EncodeRequest{Spec: spec}, rand.New(rand.NewPCG(1, 2))
	for range frames {
		f := make([]byte, 640*480)
		for i := range f {
			if noise {
				f[i] = byte(random.Uint32())
			}
		}
		r.Frames = append(r.Frames, f)
	}
	data, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGzipIsAdmittedAsPlain: a compressed message is admitted for what comes out of it and, where it is large, its own bytes; not
// for the most that could come out.
func TestGzipIsAdmittedAsPlain(t *testing.T) {
	for name, noise := range map[string]bool{"noise": true, "zeros": false} {
		settings := config.Default()
		settings.Timeout.Queue = config.Duration(500 * time.Millisecond) // after which it is refused, as it needs more
		e := engine.New(settings, metrics.New(), nil)
		defer e.Close()
		plain := largeRequest(t, 1, noise)
		data := zipped(t, plain)
		plan, err := e.Plan(large)
		if err != nil {
			t.Fatal(err)
		}
		need := plan.Cost(int64(len(plain)), len(plain)/plan.FrameBytes()+1)
		if len(data) > inflateBytes {
			need += int64(pool.ClassSize(len(data)))
		}
		grant, err := e.Admit(t.Context(), e.Pool.Stats().Budget-need, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		c := &scripted{in: bytes.NewReader(inMessage(data)), encoding: "gzip", ctx: ctx}
		if err := newSession(s, c, c, true).run(); err != nil || len(c.sent) != 1 {
			t.Errorf("%s: with %d bytes left got %v and %d responses, want one", name, need, err, len(c.sent))
		}
		cancel()
		s.wait.Wait()
		grant.Release()
		if used := s.gathering.used.Load(); used != 0 {
			t.Errorf("%s: %d bytes are still gathered", name, used)
		}
	}
}

// TestSlowGzipHoldsWhatItSends: while a compressed message comes in, its caller holds memory for its bytes, and for nothing that
// comes out of them.
func TestSlowGzipHoldsWhatItSends(t *testing.T) {
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
	data := zipped(t, largeRequest(t, 1, true))
	ctx, cancel := context.WithCancel(t.Context())
	c := &scripted{in: bytes.NewReader(inMessage(data)[:len(data)/2]), encoding: "gzip", ctx: ctx, silent: true}
	outcome := make(chan error, 1)
	go func() { outcome <- newSession(s, c, c, true).run() }()
	want := int64(pool.ClassSize(len(data)))
	deadline := time.After(time.Minute)
	for st := e.Pool.Stats(); st.Admitted != want || st.InUse != want; st = e.Pool.Stats() {
		select {
		case <-deadline:
			t.Fatalf("got %d bytes admitted and %d in use, want %d", st.Admitted, st.InUse, want)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-outcome; err == nil {
		t.Error("got no error from half a message")
	}
	s.wait.Wait()
	if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" || s.gathering.used.Load() != 0 {
		t.Errorf("%s; %d bytes are still gathered", leaks, s.gathering.used.Load())
	}
}

// TestManyGzipRequests: compressed messages that together are many times the budget are all served: none waits for another for
// ever.
func TestManyGzipRequests(t *testing.T) {
	settings := config.Default()
	settings.Limits.MemoryBudget, settings.Limits.MemoryFloor = 16<<20, 0
	e := engine.New(settings, metrics.New(), nil)
	defer e.Close()
	s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
	noise, zeros := inMessage(zipped(t, largeRequest(t, 2, true))), inMessage(zipped(t, largeRequest(t, 8, false)))
	several := inMessage(append(zipped(t, largeRequest(t, 1, true)), zipped(t, nil)...)) // which says that it is empty
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		for _, data := range [][]byte{noise, zeros, several} {
			all.Go(func() {
				c := &scripted{in: bytes.NewReader(data), encoding: "gzip", ctx: ctx}
				if err := newSession(s, c, c, false).run(); err != nil || len(c.sent) != 1 {
					t.Errorf("got %v and %d responses, want one", err, len(c.sent))
				}
			})
		}
	}
	all.Wait()
	cancel()
	s.wait.Wait()
	if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" || s.gathering.used.Load() != 0 {
		t.Errorf("%s; %d bytes are still gathered", leaks, s.gathering.used.Load())
	}
}
