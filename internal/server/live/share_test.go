package live

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
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
