package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) {
	setTLS()
	if os.Getenv(childVariable) != "" {
		runChild()
		return
	}
	leaktest.Main(m)
}

// running is a server under test.
type running struct {
	*server.Server
	log  *logtest.Buffer
	stop func() // drains, and waits for Run
}

// start runs a server on free ports of the loopback, with what change changes of the defaults. When the test ends it
// drains; then nothing of its pool may be leased or admitted.
func start(t testing.TB, change func(*server.Config)) *running {
	t.Helper()
	return startWith(t, change, server.NewOver)
}

// startWith is start with the constructor of the server.
func startWith(t testing.TB, change func(*server.Config), create func(server.Config, *slog.Logger) (*server.Server, error)) *running {
	t.Helper()
	c := server.Default()
	c.HTTP.Listen, c.GRPC.Listen, c.Ring.Listen, c.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "off", "127.0.0.1:0"
	c.Log.Level = "debug"
	// What a test does not set itself leaves its publishers, callers and drains the time that a busy machine takes.
	c.Live.OfflineAfter = server.Duration(time.Minute)
	c.Timeout.Receive, c.Timeout.Send, c.DrainTimeout = server.Duration(2*time.Minute), server.Duration(2*time.Minute), server.Duration(2*time.Minute)
	if change != nil {
		change(&c)
	}
	log := &logtest.Buffer{}
	s, err := create(c, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if leaks := pooltest.Leaks(s.Stats().Pool); leaks != "" {
			t.Errorf("after the drain: %s", leaks)
		}
		if n := s.Stats().OpenRequests; n != 0 {
			t.Errorf("after the drain: %d requests open", n)
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("server's log:\n%s", log)
		}
	})
	return &running{Server: s, log: log, stop: stop}
}

// dial returns a client of the server's gRPC API.
func (s *running) dial(t testing.TB) *client.Client {
	t.Helper()
	c, err := dialClient(s.Addrs().GRPC, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// w1 is benchmark W1: 640x360 BGR24 to a JPEG of 320x320.
var w1 = pipeline.Spec{
	Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
	Resize: pipeline.Resize{Width: 320, Height: 320},
}

// small is cheap work.
var small = pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 32, Height: 24}}

// makeFrames returns n different frames of d: gradients with some noise.
func makeFrames(t testing.TB, d frame.Desc, n int) [][]byte {
	t.Helper()
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = make([]byte, size)
		for j := range frames[i] {
			frames[i][j] = byte(j/7+i*13) ^ byte(rng.Uint32()&7)
		}
	}
	return frames
}

// encodeDirectly returns what the library makes of frames, without a server.
func encodeDirectly(t testing.TB, s pipeline.Spec, frames [][]byte) [][]byte {
	t.Helper()
	p, err := pipeline.Compile(s, &pipeline.Options{Pool: pooltest.New(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var b pipeline.Batch
	defer b.Release()
	for _, data := range frames {
		f, err := frame.WrapBytes(s.Input, data)
		if err != nil {
			t.Fatal(err)
		}
		b.In = append(b.In, f)
	}
	if err := p.Run(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	out := make([][]byte, len(b.Out))
	for i := range b.Out {
		if b.Out[i].Err != nil {
			t.Fatal(b.Out[i].Err)
		}
		out[i] = bytes.Clone(b.Out[i].Bytes())
	}
	return out
}

// eventually waits until ok, for at most two minutes: a test that fails may take that long.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, 2*time.Minute, what, ok)
}

// within waits until ok, and fails the test when that takes longer than limit.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// timeout returns a context that ends a test that hangs.
func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
