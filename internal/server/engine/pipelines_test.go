package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// compileWith returns a function that compiles with a pool of its own and workers.
func compileWith(workers *pipeline.Workers) func(pipeline.Spec) (*pipeline.Pipeline, error) {
	p := pool.New(nil)
	return func(s pipeline.Spec) (*pipeline.Pipeline, error) {
		return pipeline.Compile(s, &pipeline.Options{Pool: p, Workers: workers})
	}
}

// pipelineBytes returns what a use of s for n frames is counted with, without workers.
func pipelineBytes(t *testing.T, s pipeline.Spec) int64 {
	t.Helper()
	p, err := compileWith(nil)(s)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Memory()
	return int64(m.Tables + m.Scratch)
}

// blank returns a frame for s.
func blank(t testing.TB, s pipeline.Spec) frame.Frame {
	t.Helper()
	size, err := s.Input.Size()
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.WrapBytes(s.Input, make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run acquires the pipeline of s, runs a frame through it and releases it.
func (c *pipelines) run(t *testing.T, s pipeline.Spec) {
	t.Helper()
	u, err := c.acquire(t.Context(), s, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{blank(t, s)}}
	if err := u.entry.pipeline.Run(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	b.Release()
	c.release(u)
}

// TestPipelinesCompileOnce: callers that ask for one Spec at the same time wait for one compilation.
func TestPipelinesCompileOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		compile, finish := compileWith(nil), make(chan struct{})
		c := newPipelines(1<<30, time.Hour, func(s pipeline.Spec) (*pipeline.Pipeline, error) {
			<-finish
			return compile(s)
		})
		uses := make([]use, 16)
		var callers sync.WaitGroup
		for i := range uses {
			callers.Go(func() {
				var err error
				if uses[i], err = c.acquire(t.Context(), spec(5), 1, nil); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		callers.Go(func() {
			if _, err := c.acquire(impatient, spec(5), 1, nil); fault.From(err) == nil || fault.From(err).Kind != fault.Canceled {
				t.Errorf("got %v for the caller that went away, want Canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(finish)
		callers.Wait()
		for _, u := range uses {
			if u.entry != uses[0].entry {
				t.Error("got two pipelines for one Spec")
			}
			c.release(u)
		}
		if s := c.stats(); s.Compiled != 1 || s.Kept != 1 || c.running != 0 {
			t.Errorf("got %+v with %d running, want one pipeline, at rest", s, c.running)
		}
	})
}

// TestPipelinesStayWithinTheirBytes: many Specs go through, the least recently used are evicted, and what is counted is
// right whenever nothing runs.
func TestPipelinesStayWithinTheirBytes(t *testing.T) {
	each := pipelineBytes(t, spec(1000))
	c := newPipelines(10*each, time.Hour, compileWith(nil))
	for i := range 100 {
		c.run(t, spec(1000+i%40))
		c.run(t, spec(999)) // in use again and again
		s := c.stats()
		if s.Bytes > c.limit {
			t.Fatalf("got %d bytes after %d pipelines, want %d at most", s.Bytes, i+2, c.limit)
		}
		var sum int64
		for _, e := range c.bySpec {
			m := e.pipeline.Memory()
			if want := int64(m.Tables + m.Kept); e.bytes != want {
				t.Fatalf("got %d bytes counted for a pipeline of %d", e.bytes, want)
			}
			sum += e.bytes
		}
		if sum != s.Bytes || s.Kept != len(c.bySpec) {
			t.Fatalf("got %d bytes of %d pipelines, counted %d of %d", sum, len(c.bySpec), s.Bytes, s.Kept)
		}
	}
	if s := c.stats(); s.Kept < 8 || s.Compiled != 101 || s.Evicted != s.Compiled-uint64(s.Kept) {
		t.Errorf("got %+v, want about 10 kept, and spec(999) compiled once", s)
	}
}

// TestPipelinesWait: a run waits for memory that other runs have, and one that is in use is not evicted. A run that is
// alone is never refused.
func TestPipelinesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		each := pipelineBytes(t, spec(1000))
		c := newPipelines(2*each+each/2, time.Hour, compileWith(nil))
		acquire := func(ctx context.Context, width int) use {
			u, err := c.acquire(ctx, spec(width), 1, nil)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			return u
		}
		first, second := acquire(t.Context(), 1000), acquire(t.Context(), 1001)
		got := make(chan use)
		go func() { got <- acquire(t.Context(), 1002) }()
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if u := acquire(soon, 1003); u.entry != nil {
			t.Error("got a third pipeline where there is memory for two")
		}
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("got a third pipeline while two were in use")
		default:
		}
		c.release(first)
		third := <-got
		if c.bySpec[spec(1001)] != second.entry {
			t.Error("a pipeline in use was evicted")
		}
		c.release(second)
		c.release(third)
		small := newPipelines(1, time.Hour, compileWith(nil))
		u, err := small.acquire(t.Context(), spec(1000), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		small.release(u)
		if s := small.stats(); s.Bytes != 0 || s.Kept != 0 {
			t.Errorf("got %+v kept of a pipeline that is larger than all there is, want nothing", s)
		}
	})
}

// TestPipelinesTrim: after five idle seconds an eighth is left, after the set time nothing; what is in use stays.
func TestPipelinesTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		each := pipelineBytes(t, spec(1000))
		c := newPipelines(16*each, time.Minute, compileWith(nil))
		for i := range 10 {
			c.run(t, spec(1000+i))
		}
		used, err := c.acquire(t.Context(), spec(1000), 1, nil) // the oldest
		if err != nil {
			t.Fatal(err)
		}
		if freed := c.trim(time.Now().Add(pipelinesIdle - 1)); freed != 0 {
			t.Errorf("got %d bytes freed too early", freed)
		}
		before := c.stats().Bytes
		freed := c.trim(time.Now().Add(pipelinesIdle))
		if s := c.stats(); s.Bytes > c.limit/pipelinesKept || s.Bytes+freed != before || s.Kept < 1 {
			t.Errorf("got %+v after five seconds, of %d bytes, %d freed", s, before, freed)
		}
		c.trim(time.Now().Add(time.Minute))
		if s := c.stats(); s.Kept != 1 || c.bySpec[spec(1000)] == nil {
			t.Errorf("got %+v after a minute, want the one in use", s)
		}
		c.release(used)
		c.trim(time.Now().Add(time.Minute))
		if s := c.stats(); s.Kept != 0 || s.Bytes != 0 || len(c.bySpec) != 0 {
			t.Errorf("got %+v, want nothing", s)
		}
	})
}

// TestPipelinesFail: an error or a panic of the compiler reaches every caller that waits, and is not kept.
func TestPipelinesFail(t *testing.T) {
	wrong := errors.New("wrong")
	for _, tt := range []struct {
		name, want string
		fail       func() error
	}{
		{"error", "wrong", func() error { return wrong }},
		{"panic", "panic while compiling: oops", func() error { panic("oops") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compile := compileWith(nil)
			fails := true
			c := newPipelines(1<<30, time.Hour, func(s pipeline.Spec) (*pipeline.Pipeline, error) {
				if fails {
					return nil, tt.fail()
				}
				return compile(s)
			})
			if _, err := c.acquire(t.Context(), spec(5), 1, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if s := c.stats(); s.Kept != 0 {
				t.Errorf("got %+v, want nothing kept", s)
			}
			fails = false
			c.run(t, spec(5))
		})
	}
}

// TestPipelinesUnderChurn: whatever the callers do, the bytes that are counted stay within the limit while more than one
// run goes on, and all runs end.
func TestPipelinesUnderChurn(t *testing.T) {
	workers := pipeline.NewWorkers(3)
	defer workers.Close()
	each := pipelineBytes(t, spec(400))
	c := newPipelines(6*each, time.Hour, compileWith(workers))
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			for range 60 {
				s := spec(400 + rng.IntN(12))
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(3000))*time.Microsecond)
				u, err := c.acquire(ctx, s, 2, nil)
				if err != nil {
					cancel()
					continue
				}
				c.mu.Lock()
				if c.bytes > c.limit && c.running > 1 {
					t.Errorf("%d bytes with %d runs, want %d at most", c.bytes, c.running, c.limit)
				}
				c.mu.Unlock()
				b := pipeline.Batch{In: []frame.Frame{blank(t, s), blank(t, s)}}
				if err := u.entry.pipeline.Run(context.Background(), &b); err != nil {
					t.Error(err)
				}
				b.Release()
				c.release(u)
				cancel()
			}
		})
	}
	callers.Wait()
	if c.running != 0 || c.stats().Bytes > c.limit {
		t.Errorf("got %d running and %d bytes at the end, want none and %d at most", c.running, c.stats().Bytes, c.limit)
	}
}

// TestWideSpecs: valid Specs that take much memory each go through an engine one after the other, four at a time; what
// they hold stays within their share, and the heap with it.
func TestWideSpecs(t *testing.T) {
	const share, specs = 32 << 20, 12
	e := newEngine(t, func(c *config.Config) {
		c.Workers, c.Limits.PipelineMemory = 2, share
	})
	wide := func(i int) pipeline.Spec {
		return pipeline.Spec{
			Input:  frame.Desc{Format: frame.Gray8, Width: 65535, Height: 16},
			Resize: pipeline.Resize{Width: 65534 - i, Height: 16, Filter: pipeline.Area},
			Output: pipeline.Output{Subsampling: jpeg.Sub444, Restart: pipeline.RestartRow},
		}
	}
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := range specs / 4 {
				p, err := e.Plan(wide(caller*specs + i))
				if err != nil {
					t.Error(err)
					return
				}
				b := pipeline.Batch{In: []frame.Frame{blank(t, p.Spec())}}
				if _, err := e.Run(context.Background(), p, &b, true); err != nil || b.Out[0].Err != nil {
					t.Error(err, b.Out[0].Err)
				}
				b.Release()
				if got := e.pipelines.stats().Bytes; got > share {
					t.Errorf("got %d bytes of pipelines, want %d at most", got, share)
				}
			}
		})
	}
	callers.Wait()
	if s := e.pipelines.stats(); s.Compiled != specs || s.Evicted < specs/2 {
		t.Errorf("got %+v, want %d compiled and most of them evicted", s, specs)
	}
	e.pipelines.trim(time.Now().Add(pipelinesIdle))
	if got := e.pipelines.stats().Bytes; got > share/pipelinesKept {
		t.Errorf("got %d bytes of idle pipelines, want %d at most", got, share/pipelinesKept)
	}
}

// TestRunAllocatesNothing: in steady state, with the look-up of the pipeline.
func TestRunAllocatesNothing(t *testing.T) {
	e := newEngine(t, nil)
	p, err := e.Plan(spec(64))
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{blank(t, spec(64))}}
	alloctest.Zero(t, 100, func() {
		if _, err := e.Run(context.Background(), p, &b, true); err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
}
