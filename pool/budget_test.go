package pool_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

const kib = 1 << 10

// discarded returns the discards of all classes, by reason.
func discarded(s pool.Stats) (sum pool.Discards) {
	for _, c := range s.Classes {
		for reason, n := range c.Discards {
			sum[reason] += n
		}
	}
	return sum
}

func TestBudgetIsExact(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 20 * kib})
	a := get(t, p, 1) // 4 KiB
	b := get(t, p, 8*kib)
	c := get(t, p, 8*kib)
	defer b.Release()
	defer c.Release()
	_, err := p.Get(1)
	var typed *pool.BudgetError
	if !errors.Is(err, pool.ErrBudget) || !errors.As(err, &typed) {
		t.Fatalf("Get above the budget: got %v, want ErrBudget", err)
	}
	if want := (pool.BudgetError{Want: 4 * kib, InUse: 20 * kib, Budget: 20 * kib}); *typed != want {
		t.Errorf("got %+v, want %+v", *typed, want)
	}
	const want = "pool: over budget: got a request for 4096 bytes with 20480 in use, want at most 20480 together"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if errors.Is(err, pool.ErrSize) {
		t.Error("a BudgetError is ErrSize")
	}
	a.Release()
	get(t, p, 4*kib).Release()
	if s := p.Stats(); s.Refused != 1 || s.InUse != 16*kib || s.Idle != 4*kib {
		t.Errorf("got %d refused, %d bytes in use, %d idle, want 1, 16384, 4096", s.Refused, s.InUse, s.Idle)
	}
}

// TestBudgetDiscardsIdle: idle slabs of other classes make room, those of the floor last, and no more than must be.
func TestBudgetDiscardsIdle(t *testing.T) {
	noGC(t)
	tests := []struct {
		name string
		o    pool.Options
		idle []int // leased together and released, in order
		get  int
		left int64 // bytes idle afterwards
		gone uint64
	}{
		{"room_left", pool.Options{Budget: 16 * kib}, []int{4 * kib, 4 * kib}, 8 * kib, 8 * kib, 0},
		{"own_class_reused", pool.Options{Budget: 12 * kib}, []int{8 * kib, 4 * kib}, 8 * kib, 4 * kib, 0},
		{"one_larger", pool.Options{Budget: 12 * kib}, []int{8 * kib, 4 * kib}, 5 * kib, 4 * kib, 1},
		{"nearest_larger", pool.Options{Budget: 30 * kib}, []int{16 * kib, 8 * kib, 6 * kib}, 7 * kib, 22 * kib, 1},
		{"several_smaller", pool.Options{Budget: 16 * kib}, []int{4 * kib, 4 * kib, 4 * kib, 4 * kib}, 12 * kib, 4 * kib, 3},
		{"floor_last", pool.Options{Budget: 14 * kib, Floor: 8 * kib}, []int{8 * kib, 6 * kib}, 5 * kib, 8 * kib, 1},
		{"floor_too", pool.Options{Budget: 14 * kib, Floor: 8 * kib}, []int{8 * kib, 6 * kib}, 12 * kib, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, tt.o)
			var held []pool.Buf
			for _, n := range tt.idle {
				held = append(held, get(t, p, n))
			}
			for _, b := range held {
				b.Release()
			}
			defer get(t, p, tt.get).Release()
			s := p.Stats()
			if s.Idle != tt.left || discarded(s) != (pool.Discards{pool.DiscardBudget: tt.gone}) {
				t.Errorf("got %d bytes idle, discards %v, want %d and %d for the budget", s.Idle, discarded(s), tt.left, tt.gone)
			}
			if s.Pinned > s.InUse+s.Idle {
				t.Errorf("got %d bytes pinned of %d held", s.Pinned, s.InUse+s.Idle)
			}
		})
	}
}

// TestRefusalDiscardsNothing: a Get that cannot be served leaves the idle slabs alone.
func TestRefusalDiscardsNothing(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{Budget: 16 * kib})
	defer get(t, p, 8*kib).Release()
	get(t, p, 5*kib).Release()
	if _, err := p.Get(10 * kib); !errors.Is(err, pool.ErrBudget) {
		t.Fatalf("got %v, want ErrBudget", err)
	}
	if s := p.Stats(); s.Idle != 5*kib || discarded(s).Total() != 0 {
		t.Errorf("got %d bytes idle, discards %v, want 5120 and none", s.Idle, discarded(s))
	}
}

// TestBudgetConcurrent: 16 goroutines ask for twice the budget. What they hold together never exceeds it, nor does what the
// pool says it holds.
func TestBudgetConcurrent(t *testing.T) {
	const budget, rounds = 256 * kib, 400
	p := newPool(t, pool.Options{Budget: budget, Floor: budget / 4})
	var leased, served, refused atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range rounds {
				n := (4 + (g*7+i*5)%29) * kib
				b, err := p.Get(n)
				if err != nil {
					if !errors.Is(err, pool.ErrBudget) {
						t.Errorf("Get(%d): %v", n, err)
					}
					refused.Add(1)
					continue
				}
				if sum := leased.Add(int64(b.Cap())); sum > budget {
					t.Errorf("%d bytes leased: the budget is %d", sum, budget)
				}
				if i%16 == 0 {
					if s := p.Stats(); s.InUse+s.Idle > budget {
						t.Errorf("the pool holds %d bytes: the budget is %d", s.InUse+s.Idle, budget)
					}
				}
				served.Add(1)
				leased.Add(-int64(b.Cap()))
				b.Release()
			}
		})
	}
	wg.Wait()
	s := p.Stats()
	if s.Refused != uint64(refused.Load()) || served.Load()+refused.Load() != 16*rounds {
		t.Errorf("got %d refused of %d served and %d refused", s.Refused, served.Load(), refused.Load())
	}
}

// TestAdmittedGetsSucceed: where each lease is covered by a grant of its class's size, Get finds room, however tight the budget
// and however often leases change hands while it looks.
func TestAdmittedGetsSucceed(t *testing.T) {
	const budget, rounds = 32 * kib, 10_000
	p := newPool(t, pool.Options{Budget: budget})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range rounds {
				n := 4 * kib
				if i%8 == 0 {
					n = (5 + (g*5+i/8)%12) * kib // makes room by discarding
				}
				grant, err := p.Admit(t.Context(), int64(pool.ClassSize(n)))
				if err != nil {
					t.Errorf("Admit: %v", err)
					return
				}
				b, err := p.Get(n)
				if err != nil {
					t.Errorf("an admitted Get(%d): %v", n, err)
				}
				b.Release()
				grant.Release()
			}
		})
	}
	wg.Wait()
}

// TestElsewhere: memory that is not the pool's takes its part of the budget from idle slabs at once, and from leases.
func TestElsewhere(t *testing.T) {
	p := pool.New(&pool.Options{Budget: 8 << 20, Floor: 8 << 20})
	if err := p.Prewarm(1<<20, 8); err != nil {
		t.Fatal(err)
	}
	p.Elsewhere(3 << 20)
	if s := p.Stats(); s.Idle > 5<<20 {
		t.Errorf("got %d bytes idle beside 3 MiB elsewhere, want 5 MiB at most", s.Idle)
	}
	var leased []pool.Buf
	for range 5 {
		b, err := p.Get(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		leased = append(leased, b)
	}
	if _, err := p.Get(1 << 20); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("got %v for a sixth buffer, want ErrBudget", err)
	}
	p.Elsewhere(-3 << 20)
	b, err := p.Get(3 << 20)
	if err != nil {
		t.Errorf("got %v after the memory was given back", err)
	}
	for _, b := range append(leased, b) {
		b.Release()
	}
}
