package pool_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/steadyframe/steadyframe/pool"
)

// collect runs enough collections to empty every sync.Pool and to free what was in it.
func collect() {
	for range 4 {
		runtime.GC()
	}
}

// idleSlabs returns the idle slabs of the class of n bytes.
func idleSlabs(p *pool.Pool, n int) int64 {
	for _, c := range p.Stats().Classes {
		if c.Size == pool.ClassSize(n) {
			return c.Idle
		}
	}
	return 0
}

// TestFloor: idle slabs up to the floor survive collections and are leased again without a miss; the others do not.
func TestFloor(t *testing.T) {
	tests := []struct {
		name  string
		floor int64
		warm  int
		want  int64
	}{
		{"none", 0, 10, 0},
		{"below_one_slab", 63 * kib, 10, 0},
		{"some", 4 * 64 * kib, 10, 4},
		{"all", 10 * 64 * kib, 10, 10},
		{"more", 1 << 30, 10, 10},
		{"many", 200 * 64 * kib, 200, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, pool.Options{Floor: tt.floor})
			if err := p.Prewarm(64*kib, tt.warm); err != nil {
				t.Fatal(err)
			}
			collect()
			s := p.Stats()
			if s.Idle != tt.want*64*kib || s.Pinned != s.Idle {
				t.Fatalf("after collections: got %d bytes idle, %d pinned, want %d slabs of 64 KiB", s.Idle, s.Pinned, tt.want)
			}
			if got := discarded(s); got != (pool.Discards{pool.DiscardCollected: uint64(int64(tt.warm) - tt.want)}) {
				t.Errorf("after collections: got discards %v, want %d collected", got, int64(tt.warm)-tt.want)
			}
			for range tt.want {
				defer get(t, p, 64*kib).Release()
			}
			if got := p.Stats().Classes[0].Misses; got != uint64(tt.warm) {
				t.Errorf("leasing what the floor kept: got %d misses, want none after the first %d", got, tt.warm)
			}
		})
	}
}

// TestFloorIsShared: a class that filled the floor first gives up half of it to another that needs it, and no more; a rare class
// gets no more than it asked for; none is left with less than the one it gives to.
func TestFloorIsShared(t *testing.T) {
	const slab = 64 * kib
	type step struct {
		name    string
		n, warm int
		want    map[int]int64 // slabs of each class after collections
	}
	tests := []struct {
		name  string
		floor int64
		steps []step
	}{
		{"in_turn", 16 * slab, []step{
			{"first_takes_all", slab, 32, map[int]int64{slab: 16}},
			{"second_gets_half", 2 * slab, 16, map[int]int64{slab: 8, 2 * slab: 4}},
			{"rare_gets_its_one", 4 * slab, 1, map[int]int64{slab: 6, 2 * slab: 3, 4 * slab: 1}},
			{"too_large_gets_none", 17 * slab, 1, map[int]int64{slab: 6, 2 * slab: 3, 4 * slab: 1, 17 * slab: 0}},
		}},
		{"one_large_slab_is_not_halved", 4 * slab, []step{
			{"large", 4 * slab, 1, map[int]int64{4 * slab: 1}},
			{"small", slab, 1, map[int]int64{4 * slab: 1, slab: 0}},
		}},
		{"the_one_that_can_gives", 7 * slab, []step{
			{"large", 4 * slab, 1, map[int]int64{4 * slab: 1}},
			{"small", slab, 3, map[int]int64{4 * slab: 1, slab: 3}},
			{"smaller", slab * 3 / 4, 1, map[int]int64{4 * slab: 1, slab: 2, slab * 3 / 4: 1}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, pool.Options{Floor: tt.floor})
			for _, step := range tt.steps {
				if err := p.Prewarm(step.n, step.warm); err != nil {
					t.Fatal(err)
				}
				collect()
				for n, want := range step.want {
					if got := idleSlabs(p, n); got != want {
						t.Errorf("%s: got %d slabs of %d bytes, want %d", step.name, got, n, want)
					}
				}
				if s := p.Stats(); s.Pinned > s.Floor || s.Pinned != s.Idle {
					t.Errorf("%s: got %d bytes pinned, %d idle, want the same and at most %d", step.name, s.Pinned, s.Idle, s.Floor)
				}
			}
		})
	}
}

func TestFloorAboveBudget(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 16 * kib, Floor: 1 << 30})
	if got := p.Stats().Floor; got != 16*kib {
		t.Errorf("got a floor of %d bytes, want the budget's %d", got, 16*kib)
	}
}

// TestDroppedPool: a Pool needs no closing, floor or not.
func TestDroppedPool(t *testing.T) {
	p := pool.New(&pool.Options{Floor: 1 << 20})
	if err := p.Prewarm(64*kib, 8); err != nil {
		t.Fatal(err)
	}
	w := weak.Make(p)
	p = nil
	collect()
	if w.Value() != nil {
		t.Errorf("a Pool that nobody refers to survives 4 collections")
	}
	runtime.KeepAlive(p)
}

// TestLost: a Buf dropped without Release is noticed once the collector has freed its slab, and its bytes count no
// more.
func TestLost(t *testing.T) {
	p := pool.New(&pool.Options{Budget: 64 * kib})
	for range 2 {
		get(t, p, 64*kib) // dropped
		collect()
	}
	s := p.Stats()
	if got := discarded(s); got != (pool.Discards{pool.DiscardLost: 2}) || s.InUse != 0 || s.Idle != 0 {
		t.Errorf("got discards %v, %d bytes in use, %d idle, want 2 lost and nothing held", got, s.InUse, s.Idle)
	}
	if c := s.Classes[0]; c.Gets != 2 || c.Puts != 0 || c.Misses != 2 {
		t.Errorf("got %d gets, %d puts, %d misses, want 2, 0, 2", c.Gets, c.Puts, c.Misses)
	}
}

// TestRecordsOfDeadSlabs: without a budget and without Stats, the pool does not gather the records of freed slabs.
func TestRecordsOfDeadSlabs(t *testing.T) {
	p := pool.New(nil)
	var before, after runtime.MemStats
	for round := range 40 {
		for range 1000 {
			get(t, p, 1) // dropped
		}
		collect()
		if round == 3 {
			runtime.ReadMemStats(&before)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapObjects) - int64(before.HeapObjects); grown > 4000 {
		t.Errorf("36,000 dropped buffers left %d objects, want no more than the last thousands", grown)
	}
	runtime.KeepAlive(p)
}
