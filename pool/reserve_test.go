package pool_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/pool"
)

// TestReserve: callers that ask for little find room in the reserve while others hold all the rest, and wait for more.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(&pool.Options{Budget: 160, Reserve: 40})
		large := admit(t, p, 120) // all but the reserve
		granted := make(chan pool.Grant, 1)
		go func() { granted <- admit(t, p, 30) }()
		synctest.Wait()
		if got := p.Stats().Waiting; got != 1 {
			t.Fatalf("got %d waiting for what only the reserve has, want 1", got)
		}
		var little []pool.Grant
		for range 4 {
			little = append(little, admit(t, p, 10)) // does not wait
		}
		more := make(chan pool.Grant, 1)
		go func() { more <- admit(t, p, 10) }() // The reserve is used up.
		synctest.Wait()
		if got := p.Stats(); got.Waiting != 2 || got.Admitted != 160 {
			t.Fatalf("got %d waiting, %d admitted, want 2 and 160", got.Waiting, got.Admitted)
		}
		large.Release()
		for _, g := range append(little, <-granted, <-more) {
			g.Release()
		}
		if got := p.Stats().Admitted; got != 0 {
			t.Errorf("got %d bytes admitted at the end", got)
		}
	})
}

// TestReserveDoesNotStarve: callers that ask for little, however many, get no more than the reserve while another waits.
func TestReserveDoesNotStarve(t *testing.T) {
	for _, n := range []int64{11, 80, 120, 121, 160} {
		synctest.Test(t, func(t *testing.T) {
			p := pool.New(&pool.Options{Budget: 160, Reserve: 40})
			var little []pool.Grant
			for range 16 {
				little = append(little, admit(t, p, 10)) // Nobody waits: all is theirs.
			}
			granted := make(chan pool.Grant, 1)
			go func() { granted <- admit(t, p, n) }()
			synctest.Wait()
			var behind sync.WaitGroup
			end := make(chan struct{})
			for range 32 {
				behind.Go(func() {
					g := admit(t, p, 10)
					<-end
					g.Release()
				})
			}
			for _, g := range little {
				g.Release()
			}
			synctest.Wait() // Some of those behind have what they asked for, and keep it.
			if len(granted) == 0 {
				t.Errorf("%d bytes are not granted when all that was there before is given back", n)
			}
			close(end)
			g := <-granted
			g.Release()
			behind.Wait()
		})
	}
}

// TestTryAdmitBesideThoseThatWait: what is little finds room while another waits for much, in half of the reserve, so that callers
// that wait for little have the other half; while such a caller waits nothing does, and never what is much.
func TestTryAdmitBesideThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(&pool.Options{Budget: 160, Reserve: 40})
		held := []pool.Grant{admit(t, p, 110)}
		granted := make(chan pool.Grant, 2)
		go func() { granted <- admit(t, p, 20) }() // all but the reserve is 120
		synctest.Wait()
		try := func(n int64, want bool) {
			t.Helper()
			g, ok := p.TryAdmit(n)
			if ok != want {
				t.Errorf("TryAdmit(%d) of %+v: got %v, want %v", n, p.Stats(), ok, want)
			}
			held = append(held, g)
		}
		try(11, false)
		try(10, true)
		try(10, true)
		try(1, false)
		held = append(held, admit(t, p, 10)) // does not wait
		held = append(held, admit(t, p, 10))
		go func() { granted <- admit(t, p, 1) }()
		synctest.Wait()
		if got := p.Stats(); got.Waiting != 2 || got.Admitted != 150 {
			t.Errorf("got %d waiting, %d admitted, want 2 and 150", got.Waiting, got.Admitted)
		}
		try(0, false)
		for _, g := range held {
			g.Release()
		}
		(<-granted).Release()
		(<-granted).Release()
		g, ok := p.TryAdmit(120)
		if !ok {
			t.Error("TryAdmit(120): got false with nothing admitted and nobody waiting")
		}
		g.Release()
	})
}

// TestReserveModel: whatever is asked for, no more than the budget is granted, and everyone is served.
func TestReserveModel(t *testing.T) {
	const budget = 1 << 10
	p := newPool(t, pool.Options{Budget: budget, Reserve: budget / 4})
	var held atomic.Int64
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 1))
			q := p.NewPriority()
			for range 500 {
				n := rng.Int64N(budget/16 + 1)
				if rng.IntN(3) == 0 {
					n = rng.Int64N(budget + 1)
				}
				ask := p.Admit
				if rng.IntN(2) == 0 {
					ask = q.Admit
				}
				g, err := ask(t.Context(), n)
				if err != nil {
					t.Errorf("Admit(%d): %v", n, err)
					return
				}
				if sum := held.Add(n); sum > budget {
					t.Errorf("got %d bytes granted, want at most %d", sum, budget)
				}
				left := rng.Int64N(n + 1)
				held.Add(left - n)
				g.Shrink(left)
				held.Add(-left)
				g.Release()
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Admitted != 0 || s.Waiting != 0 {
		t.Errorf("got %d bytes admitted, %d waiting at the end", s.Admitted, s.Waiting)
	}
}
