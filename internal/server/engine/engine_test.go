package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// newEngine returns an Engine that is closed, and checked for leaks, when the test ends.
func newEngine(t testing.TB, change func(*config.Config)) *Engine {
	t.Helper()
	c := config.Default()
	if change != nil {
		change(&c)
	}
	e := New(c, metrics.New(), nil)
	t.Cleanup(func() {
		e.Close()
		if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
			t.Error(leaks)
		}
	})
	return e
}

func spec(width int) pipeline.Spec {
	return pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: width, Height: 8}}
}

func TestPlanRefuses(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MaxPixels = 1 << 30 })
	tests := []struct {
		name  string
		spec  pipeline.Spec
		kind  fault.Kind
		field string
		limit string
	}{
		{"wrong", spec(0), fault.Invalid, "input.width", ""},
		{"pixels", pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 65535, Height: 65535}}, fault.TooLarge, "", "limits.max_pixels"},
		{"pixels-out", pipeline.Spec{Input: spec(8).Input, Resize: pipeline.Resize{Width: 65535, Height: 65535}}, fault.TooLarge, "", "limits.max_pixels"},
		{"bytes", pipeline.Spec{Input: frame.Desc{Format: frame.BGRF32P, Width: 10000, Height: 10000}}, fault.TooLarge, "", "bytes of a frame"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Plan(tt.spec)
			if f := fault.From(err); f == nil || f.Kind != tt.kind || f.Field != tt.field || f.Limit != tt.limit {
				t.Errorf("got %v, %+v, want %s about field %q, limit %q", err, f, tt.kind, tt.field, tt.limit)
			}
		})
	}
}

// TestPlanCompilesNothing: a plan alone takes no memory.
func TestPlanCompilesNothing(t *testing.T) {
	e := newEngine(t, nil)
	for w := 60000; w < 60100; w++ {
		if _, err := e.Plan(spec(w)); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.pipelines.stats(); s.Compiled != 0 || s.Bytes != 0 {
		t.Errorf("got %+v after 100 plans, want no pipeline", s)
	}
}

func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that the order of the timers is that of their times
		e := newEngine(t, func(c *config.Config) {
			c.Limits.MemoryBudget, c.Limits.MemoryFloor, c.Timeout.Queue = config.MiB, 0, config.Duration(20*time.Millisecond)
		})
		ctx := context.Background()
		budget := e.Pool.Stats().Budget
		if share := e.Config.Limits.PipelineShare(); budget != int64(config.MiB)-share || share != int64(config.MiB)/8 {
			t.Errorf("got %d bytes for the pool and %d for pipelines of %d", budget, share, config.MiB)
		}
		all, err := e.Admit(ctx, budget, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Admit(ctx, 1, nil); fault.From(err) == nil || fault.From(err).Kind != fault.Busy || fault.From(err).Got != budget+1 {
			t.Errorf("not now: got %v, want Busy with what would be admitted", err)
		}
		if _, err := e.Admit(ctx, budget+1, nil); fault.From(err) == nil || fault.From(err).Kind != fault.TooLarge {
			t.Errorf("never: got %v, want TooLarge", err)
		}
		soon, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		for _, stream := range []*Stream{nil, {}} {
			if _, err := e.Admit(soon, 1, stream); fault.From(err) == nil || fault.From(err).Kind != fault.Deadline {
				t.Errorf("deadline, stream %v: got %v, want Deadline", stream, err)
			}
		}
		if err := e.Ready(); err != nil {
			t.Errorf("got not ready, %v, with no request waiting", err)
		}
		waits := make(chan error, 1)
		go func() { // A stream goes on waiting.
			g, err := e.Admit(ctx, 1, &Stream{})
			g.Release()
			waits <- err
		}()
		for e.Pool.Stats().Waiting == 0 {
			select {
			case err := <-waits:
				t.Fatalf("a stream did not wait: %v", err)
			default:
			}
		}
		if err := e.Ready(); err == nil || !strings.Contains(err.Error(), "limits.memory_budget") {
			t.Errorf("got ready, %v, with a stream waiting for memory", err)
		}
		all.Release()
		if err := <-waits; err != nil {
			t.Errorf("a stream that waited: %v", err)
		}
	})
}

// TestStreamsKeepTheirPriority: a stream that was admitted before goes before others that wait, but not after a pause.
func TestStreamsKeepTheirPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = config.MiB, 0 })
		budget := e.Pool.Stats().Budget
		order := make(chan string, 2)
		ask := func(who string, s *Stream) {
			g, err := e.Admit(t.Context(), budget, s)
			if err != nil {
				t.Error(err)
			}
			order <- who
			g.Release()
		}
		var old Stream
		for _, tt := range []struct {
			pause time.Duration
			first string
		}{{0, "old"}, {longestPause, "old"}, {longestPause + 1, "newcomer"}} {
			ask("old", &old)
			<-order
			time.Sleep(tt.pause)
			all, err := e.Admit(t.Context(), budget, nil)
			if err != nil {
				t.Fatal(err)
			}
			go ask("newcomer", nil)
			synctest.Wait()
			go ask("old", &old)
			synctest.Wait()
			all.Release()
			if first := <-order; first != tt.first {
				t.Errorf("after a pause of %v: got the %s admitted first, want the %s", tt.pause, first, tt.first)
			}
			<-order
			synctest.Wait()
		}
	})
}

// TestReserve: a request that holds a place runs, and no other gets one meanwhile.
func TestReserve(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Workers, c.Limits.QueueDepth = 1, 0 })
	p, err := e.Plan(spec(8))
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.WrapBytes(spec(8).Input, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{f}}
	if err := e.Reserve(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{e.Reserve(), e.CheckQueue(), e.Ready()} {
		if f := fault.From(err); f == nil || f.Kind != fault.Busy || f.Limit != "limits.queue_depth" {
			t.Errorf("got %v, want Busy by limits.queue_depth", err)
		}
	}
	if _, err := e.Run(context.Background(), p, &b, false); err != nil {
		t.Errorf("got %v for the one that holds the place", err)
	}
	b.Release()
	e.Unreserve()
	if err := e.Reserve(); err != nil {
		t.Errorf("got %v after the place was given back", err)
	}
	e.Unreserve()
}

// TestRefusedIsNeverCounted: a request that is refused, since there are too many, is not seen as open, however many there are.
func TestRefusedIsNeverCounted(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MaxRequests = 1 })
	if err := e.Open(Encode, ""); err != nil {
		t.Fatal(err)
	}
	defer e.Done(Encode, "")
	var refused sync.WaitGroup
	for range 4 {
		refused.Go(func() {
			for range 20_000 {
				if e.Open(Encode, "") == nil {
					t.Error("got a second request, want 1")
					e.Done(Encode, "")
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { refused.Wait(); close(done) }()
	for over := false; !over; {
		if n := e.OpenRequests(); n != 1 {
			t.Fatalf("got %d open requests, want 1", n)
		}
		select {
		case <-done:
			over = true
		default:
		}
	}
}

// TestReadyLooksAtMaxRequests: a server that would refuse to Open is not ready.
func TestReadyLooksAtMaxRequests(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MaxRequests = 1 })
	if err := e.Open(Encode, ""); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{e.Open(Encode, ""), e.Ready()} {
		if f := fault.From(err); f == nil || f.Kind != fault.Busy || f.Limit != "limits.max_requests" || f.Got != 2 || f.Max != 1 {
			t.Errorf("got %v, want Busy by limits.max_requests", err)
		}
	}
	e.Done(Encode, "")
	if err := e.Ready(); err != nil {
		t.Errorf("got not ready, %v, with nothing open", err)
	}
}

// TestRunCountsEachFrame: as encoded or as failed, whatever happens to the batch.
func TestRunCountsEachFrame(t *testing.T) {
	e := newEngine(t, nil)
	p, err := e.Plan(spec(8))
	if err != nil {
		t.Fatal(err)
	}
	good, err := frame.WrapBytes(spec(8).Input, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	other, err := frame.WrapBytes(spec(4).Input, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var b pipeline.Batch
	run := func(ctx context.Context, in ...frame.Frame) error {
		b.Release()
		b.In = in
		_, err := e.Run(ctx, p, &b, false)
		return err
	}
	if err := errors.Join(run(context.Background()), run(context.Background(), good, other, good)); err != nil {
		t.Fatal(err)
	}
	if ok, failed := e.Metrics.Frames(); ok != 2 || failed != 1 {
		t.Errorf("got %d encoded and %d failed, want 2 and 1", ok, failed)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(canceled, good, good); fault.From(err) == nil || fault.From(err).Kind != fault.Canceled {
		t.Errorf("got %v, want Canceled", err)
	}
	if ok, failed := e.Metrics.Frames(); ok != 2 || failed != 3 {
		t.Errorf("got %d encoded and %d failed, want 2 and 3", ok, failed)
	}
	b.Release()
}

// TestNoLeaseIsLost: whatever moment a batch is canceled at, all memory comes back.
func TestNoLeaseIsLost(t *testing.T) {
	e := newEngine(t, nil)
	s := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 64, Height: 64}, Resize: pipeline.Resize{Width: 300, Height: 300}}
	p, err := e.Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*10*time.Microsecond)
		var b pipeline.Batch
		for range 4 {
			f, err := frame.New(e.Pool, s.Input)
			if err != nil {
				t.Fatal(err)
			}
			b.In = append(b.In, f)
		}
		_, err := e.Run(ctx, p, &b, i%2 == 0)
		if f := fault.From(err); f != nil && f.Kind != fault.Deadline {
			t.Errorf("got %v, want Deadline or nothing", err)
		}
		b.Release()
		for i := range b.In {
			b.In[i].Release()
		}
		cancel()
	}
}

// TestCostCoversTheRun: what Cost says is admitted is enough for what a batch leases.
func TestCostCoversTheRun(t *testing.T) {
	for _, s := range []pipeline.Spec{
		{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, Resize: pipeline.Resize{Width: 320, Height: 320}},
		{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}},
		{Input: frame.Desc{Format: frame.RGBA, Width: 333, Height: 222}, Output: pipeline.Output{Format: pipeline.RawRGBA}},
	} {
		e := newEngine(t, nil)
		p, err := e.Plan(s)
		if err != nil {
			t.Fatal(err)
		}
		var b pipeline.Batch
		size := 0
		for i := range 25 {
			f, err := frame.New(e.Pool, s.Input)
			if err != nil {
				t.Fatal(err)
			}
			copy(f.Plane(0).Pix, bytes.Repeat([]byte{byte(i), 200, 90}, len(f.Plane(0).Pix)/3))
			b.In = append(b.In, f)
			size = len(f.Plane(0).Pix)
		}
		if _, err := e.Run(context.Background(), p, &b, false); err != nil {
			t.Fatal(err)
		}
		var inUse int64
		for _, c := range e.Pool.Stats().Classes {
			inUse += c.InUse * int64(c.Size)
		}
		if cost := p.Cost(int64(25*size), 25); inUse > cost {
			t.Errorf("%+v: got %d bytes leased, more than the cost of %d", s.Input, inUse, cost)
		}
		b.Release()
		for i := range b.In {
			b.In[i].Release()
		}
	}
}

func TestSelfTestAndClose(t *testing.T) {
	e := New(config.Default(), metrics.New(), nil)
	if err := e.SelfTest(context.Background()); err != nil {
		t.Errorf("got %v from an engine that works", err)
	}
	e.Drain()
	e.Drain()
	if err := e.Open(Encode, ""); fault.From(err) == nil || fault.From(err).Kind != fault.Draining {
		t.Errorf("Open: got %v while draining, want Draining", err)
	}
	if err := e.Ready(); fault.From(err) == nil || fault.From(err).Kind != fault.Draining {
		t.Errorf("Ready: got %v while draining, want Draining", err)
	}
	e.Close()
	if err := e.SelfTest(context.Background()); fault.From(err) == nil || fault.From(err).Kind != fault.Draining {
		t.Errorf("got %v from an engine that is closed, want Draining", err)
	}
	if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
		t.Error(leaks)
	}
}

// TestSoundThatGrows: a sound that holds memory does not wait for more, so that sounds do not wait for one another.
func TestSoundThatGrows(t *testing.T) {
	e := newEngine(t, nil)
	m, err := e.Mel("htk", 16000)
	if err != nil {
		t.Fatal(err)
	}
	f := e.NewFeatures(m, 16000)
	defer f.Release()
	if err := f.Reserve(t.Context(), 1000, 0); err != nil {
		t.Fatal(err)
	}
	room := len(f.Room())
	f.Added(copy(f.Room(), []float32{1, 2, 3}))
	s := e.Pool.Stats()
	others, ok := e.Pool.TryAdmit(s.Budget - s.Admitted)
	if !ok {
		t.Fatal("there is no memory for others")
	}
	err = f.Reserve(t.Context(), 100_000, 0)
	if refused := fault.From(err); refused == nil || refused.Kind != fault.Busy || refused.Limit != "limits.memory_budget" {
		t.Errorf("got %v, want Busy for limits.memory_budget at once", err)
	}
	if f.Samples() != 3 || len(f.Room()) != room-3 {
		t.Errorf("got %d samples and room for %d, want what there was", f.Samples(), len(f.Room()))
	}
	others.Release()
	if err := f.Reserve(t.Context(), 100_000, 0); err != nil {
		t.Errorf("when there is memory: %v", err)
	}
	if f.Samples() != 3 || len(f.Room()) < 100_000-3 {
		t.Errorf("got %d samples and room for %d, want 3 and more", f.Samples(), len(f.Room()))
	}
}

// TestRequestsOfOneOwner: an owner has its part of limits.max_requests, and gives back what it ends, or is refused for another reason.
func TestRequestsOfOneOwner(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MaxRequests = 4 })
	for range 3 { // three quarters
		if err := e.Open(Encode, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if f := fault.From(e.Open(Publish, "x")); f == nil || f.Kind != fault.Busy || f.Limit != "limits.max_requests_per_identity" || f.Got != 4 || f.Max != 3 {
		t.Errorf("got %v, want Busy by limits.max_requests_per_identity", f)
	}
	if err := e.Open(Encode, "y"); err != nil {
		t.Error(err)
	}
	e.Done(Encode, "x")
	if err := e.Open(Encode, ""); err != nil {
		t.Error(err)
	}
	if f := fault.From(e.Open(Encode, "x")); f == nil || f.Limit != "limits.max_requests" { // which counts for nothing
		t.Errorf("got %v, want Busy by limits.max_requests", f)
	}
	e.Done(Encode, "")
	if err := e.Open(Encode, "x"); err != nil {
		t.Error(err)
	}
	for _, owner := range []string{"x", "x", "x", "y"} {
		e.Done(Encode, owner)
	}
	if len(e.owners.open) != 0 {
		t.Errorf("got %v in the end, want none", e.owners.open)
	}
}
