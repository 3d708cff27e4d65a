package pool_test

import (
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

func TestStats(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{Budget: 1 << 20, Floor: 16 * kib})
	if s := p.Stats(); len(s.Classes) != 0 || s.Budget != 1<<20 || s.Floor != 16*kib {
		t.Fatalf("a new pool: got %+v", s)
	}
	a, b := get(t, p, 1), get(t, p, 2)
	large := get(t, p, 8*kib)
	b.Retain().Release() // no get, no put
	b.Release()
	b = get(t, p, 3)
	b.Release()
	grant := admit(t, p, 1000)
	want := pool.Stats{
		Classes: []pool.ClassStats{
			{Size: 4 * kib, Gets: 3, Puts: 2, Misses: 2, InUse: 1, Idle: 1},
			{Size: 8 * kib, Gets: 1, Misses: 1, InUse: 1},
		},
		InUse: 12 * kib, Idle: 4 * kib, Pinned: 16 * kib, Budget: 1 << 20, Floor: 16 * kib, Admitted: 1000,
	}
	equalStats(t, p.Stats(), want)
	grant.Release()
	a.Release()
	large.Release()
	want.Classes[0].Puts, want.Classes[0].InUse, want.Classes[0].Idle = 3, 0, 2
	want.Classes[1].Puts, want.Classes[1].InUse, want.Classes[1].Idle = 1, 0, 1
	want.InUse, want.Idle, want.Admitted = 0, 16*kib, 0
	equalStats(t, p.Stats(), want)
	if got := want.Classes[0].Bytes(); got != 8*kib {
		t.Errorf("Bytes of 2 slabs of 4 KiB: got %d", got)
	}
}

func equalStats(t *testing.T, got, want pool.Stats) {
	t.Helper()
	if len(got.Classes) != len(want.Classes) {
		t.Fatalf("got %d classes, want %d", len(got.Classes), len(want.Classes))
	}
	for i := range want.Classes {
		if got.Classes[i] != want.Classes[i] {
			t.Errorf("class %d: got %+v, want %+v", i, got.Classes[i], want.Classes[i])
		}
	}
	got.Classes, want.Classes = nil, nil
	if got.InUse != want.InUse || got.Idle != want.Idle || got.Pinned != want.Pinned || got.Budget != want.Budget ||
		got.Floor != want.Floor || got.Refused != want.Refused || got.Admitted != want.Admitted || got.Waiting != want.Waiting {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// balanced fails t unless s keeps the equations that ClassStats promises.
func balanced(t *testing.T, s pool.Stats) {
	t.Helper()
	var inUse, idle int64
	for _, c := range s.Classes {
		if c.Gets != c.Puts+uint64(c.InUse)+c.Discards[pool.DiscardLost] {
			t.Errorf("class %d: %d gets are not %d puts + %d in use + lost of %v", c.Size, c.Gets, c.Puts, c.InUse, c.Discards)
		}
		if c.Misses != uint64(c.InUse+c.Idle)+c.Discards.Total() {
			t.Errorf("class %d: %d misses are not %d in use + %d idle + discards %v", c.Size, c.Misses, c.InUse, c.Idle, c.Discards)
		}
		if c.InUse < 0 || c.Idle < 0 {
			t.Errorf("class %d: got %d in use, %d idle", c.Size, c.InUse, c.Idle)
		}
		inUse += c.InUse * int64(c.Size)
		idle += c.Idle * int64(c.Size)
	}
	if inUse != s.InUse || idle != s.Idle {
		t.Errorf("got %d bytes in use, %d idle, want the classes' %d and %d", s.InUse, s.Idle, inUse, idle)
	}
	if s.Budget > 0 && s.InUse+s.Idle > s.Budget {
		t.Errorf("%d bytes in use and %d idle: the budget is %d", s.InUse, s.Idle, s.Budget)
	}
}

// TestStatsWhileBusy: the equations hold in every reading, not only at rest, and gets of many goroutines are all counted.
func TestStatsWhileBusy(t *testing.T) {
	const workers, rounds = 8, 2000
	p := newPool(t, pool.Options{Budget: 512 * kib})
	var wg sync.WaitGroup
	for g := range workers {
		wg.Go(func() {
			for i := range rounds {
				get(t, p, (1+(g+i)%4)*4*kib).Release()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		balanced(t, p.Stats())
	}
	var gets uint64
	for _, c := range p.Stats().Classes {
		gets += c.Gets
	}
	if gets != workers*rounds {
		t.Errorf("got %d gets, want %d", gets, workers*rounds)
	}
}

func TestStatsAllocatesTheClassesOnly(t *testing.T) {
	p := newPool(t, pool.Options{})
	for _, n := range []int{1, 10_000, 100_000} {
		defer get(t, p, n).Release()
	}
	if objects, _ := alloctest.Measure(t, 100, func() { p.Stats() }); objects > 100 {
		t.Errorf("100 calls of Stats allocated %d objects: want 1 each", objects)
	}
}

func TestDiscardReason(t *testing.T) {
	tests := []struct {
		reason pool.DiscardReason
		want   string
	}{
		{pool.DiscardCollected, "collected"},
		{pool.DiscardBudget, "budget"},
		{pool.DiscardLost, "lost"},
		{pool.DiscardReason(len(pool.Discards{})), "unknown"},
	}
	for _, tt := range tests {
		if got := tt.reason.String(); got != tt.want {
			t.Errorf("DiscardReason(%d): got %q, want %q", int(tt.reason), got, tt.want)
		}
	}
	if got := (pool.Discards{1, 20, 300}).Total(); got != 321 {
		t.Errorf("Total: got %d, want 321", got)
	}
}
