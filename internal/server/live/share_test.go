package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// TestJPEGsLeaveTheRest: all that JPEGs may take together is half of the budget; usual ones get theirs when that is taken, and
// one that waits gets what is given back.
func TestJPEGsLeaveTheRest(t *testing.T) {
	const budget = 64 << 20
	r := start(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = budget, 0 })
	s := &r.Live.jpegs
	admit := func(n int64) grant {
		t.Helper()
		g, err := s.admit(r.engine, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	large, rest := admit(20<<20), admit(12<<20)
	for _, n := range []int64{3 << 20, 33 << 20} {
		if _, err := s.admit(r.engine, n, nil); !errors.Is(err, pool.ErrBudget) {
			t.Errorf("%d bytes more: got %v, want that there is no memory", n, err)
		}
	}
	usual := admit(2 << 20)
	if got, want := r.engine.Pool.Stats().Admitted, int64(34<<20); got != want {
		t.Errorf("got %d bytes admitted, want %d", got, want)
	}
	var waiting sync.WaitGroup
	got := make(chan bool, 2)
	for range 2 {
		waiting.Go(func() { got <- s.take(context.Background(), 10<<20) })
	}
	large.Release()
	waiting.Wait()
	if first, second := <-got, <-got; !first || !second {
		t.Error("what was given back was not taken")
	}
	s.give(20 << 20)
	rest.Release()
	usual.Release()
	if s.used != 0 || r.engine.Pool.Stats().Admitted != 0 {
		t.Errorf("got %d bytes of the share and %d admitted in the end, want none", s.used, r.engine.Pool.Stats().Admitted)
	}
}

// TestPublishersLeaveTheRest: publishers of frames have three quarters of the pool together, however many there are and with their
// JPEGs: requests always have the rest. Those of small frames are not kept out.
func TestPublishersLeaveTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = 512*config.MiB, 0 })
		spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}}
		var publishers []*Publisher
		defer func() {
			for _, p := range publishers {
				p.Close()
			}
		}()
		publish := func(spec pipeline.Spec) error {
			p, err := r.Publish(t.Context(), fmt.Sprint("stream-", len(publishers)), Settings{Spec: spec})
			if err == nil {
				publishers = append(publishers, p)
			}
			return err
		}
		err := publish(spec)
		for err == nil {
			err = publish(spec)
		}
		if f := fault.From(err); f.Kind != fault.Busy || f.Limit != "limits.memory_budget" {
			t.Errorf("got %v for one publisher too many, want Busy for limits.memory_budget", err)
		}
		s := r.engine.Pool.Stats()
		if s.Admitted > s.Budget/4*3 || s.Admitted < s.Budget/2 {
			t.Errorf("got %d of %d bytes admitted for %d publishers, want three quarters at most, and half at least", s.Admitted, s.Budget, len(publishers))
		}
		if g, err := r.Live.jpegs.admit(r.engine, 100<<20, nil); err == nil {
			g.Release()
			t.Error("JPEGs got what is the requests'")
		}
		if err := publish(pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 320, Height: 180}}); err != nil {
			t.Errorf("a publisher of small frames: got %v", err)
		}
		g, err := r.engine.Admit(t.Context(), s.Budget/5, nil)
		if err != nil {
			t.Errorf("a request for a fifth of the pool: got %v", err)
		}
		g.Release()
		publishers[0].Close()
		publishers = publishers[1:]
		if err := publish(spec); err != nil {
			t.Errorf("a publisher after another has gone: got %v", err)
		}
		spec.Input.Width, spec.Input.Height = 7680, 4320
		if f := fault.From(publish(spec)); f == nil || f.Kind != fault.TooLarge {
			t.Errorf("got %v for frames that need more than all publishers may have, want TooLarge", f)
		}
	})
}
