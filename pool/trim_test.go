package pool_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

func TestTrim(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{Floor: 1 << 20})
	b := get(t, p, 64*kib)
	if err := p.Prewarm(64*kib, 4); err != nil {
		t.Fatal(err)
	}
	if got := p.Trim(); got != 4*64*kib {
		t.Errorf("got %d bytes, want four buffers of 64 KiB", got)
	}
	if s := p.Stats(); s.Idle != 0 || s.InUse != 64*kib || discarded(s) != (pool.Discards{pool.DiscardTrimmed: 4}) {
		t.Errorf("got %d bytes idle, %d in use, discards %v, want 0, 65536, 4 trimmed", s.Idle, s.InUse, discarded(s))
	}
	b.Release()
	get(t, p, 64*kib).Release()
	if got := p.Stats().Classes[0].Misses; got != 5 {
		t.Errorf("got %d misses, want the lease to be the fifth and last", got)
	}
	if got := p.Trim() + p.Trim(); got != 64*kib {
		t.Errorf("got %d bytes of two more, want 65536", got)
	}
}

// TestUnused: idle buffers count that were not leased since the last call, however short the leases were, and the floor's do not.
func TestUnused(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{Floor: 2 * 64 * kib})
	lease := func(n int) {
		t.Helper()
		var held []pool.Buf
		for range n {
			held = append(held, get(t, p, 64*kib))
		}
		for _, b := range held {
			b.Release()
		}
	}
	want := func(what string, buffers int64) {
		t.Helper()
		if got := p.Unused(); got != buffers*64*kib {
			t.Errorf("%s: got %d bytes, want %d buffers of 64 KiB", what, got, buffers)
		}
	}
	want("nothing leased yet", 0)
	lease(6)
	want("six just leased", 0)
	want("six idle, two of them the floor's", 4)
	for range 3 {
		lease(6)
		want("six leased again", 0)
	}
	p.Trim()
	want("all discarded", 0)
	p = newPool(t, pool.Options{})
	lease(6)
	want("six just leased, without a floor", 0)
	held := get(t, p, 64*kib)
	want("one leased at the look", 5)
	held.Release()
	want("one released since the look", 5)
	want("six idle", 6)
	if objects, _ := alloctest.Measure(t, 10, func() { p.Unused() }); objects != 0 {
		t.Errorf("got %d objects for 10 calls, want none", objects)
	}
}

// TestSetBudget: a lower budget discards what is idle at once and what is leased with its Release; a higher one has room.
func TestSetBudget(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{Budget: 32 * kib, Floor: 32 * kib})
	held := []pool.Buf{get(t, p, 8*kib), get(t, p, 8*kib)}
	get(t, p, 16*kib).Release()
	p.SetBudget(8 * kib)
	if s := p.Stats(); s.Idle != 0 || s.InUse != 16*kib || s.Budget != 8*kib || s.Floor != 8*kib || s.Pinned > s.Floor {
		t.Errorf("got %+v, want nothing idle, and floor and budget of 8 KiB", s)
	}
	if _, err := p.Get(1); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("got %v above the new budget, want ErrBudget", err)
	}
	held[0].Release()
	held[1].Release()
	if s := p.Stats(); s.Idle != 8*kib || discarded(s)[pool.DiscardBudget] != 2 {
		t.Errorf("got %d bytes idle, %v, want one buffer kept and two discarded", s.Idle, discarded(s))
	}
	p.SetBudget(0)
	defer get(t, p, 1<<20).Release()
	if got := recovered(func() { p.SetBudget(-1) }); got != "pool: SetBudget of a negative number" {
		t.Errorf("got panic %v", got)
	}
}

// TestAdmitOfASmallerBudget: who waits for more than there is now hears it, the others are served.
func TestAdmitOfASmallerBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(&pool.Options{Budget: 160, Reserve: 40})
		all := admit(t, p, 160)
		results := make(map[int64]error)
		var mu sync.Mutex
		for _, n := range []int64{5, 10, 50, 90, 120} {
			go func() {
				g, err := p.Admit(t.Context(), n)
				mu.Lock()
				results[n] = err
				mu.Unlock()
				g.Release()
			}()
			synctest.Wait()
		}
		p.SetBudget(100)
		synctest.Wait()
		if err := results[120]; len(results) != 1 || !errors.Is(err, pool.ErrBudget) {
			t.Fatalf("got %v, want an ErrBudget for 120 alone", results)
		}
		all.Release()
		synctest.Wait()
		for n, err := range results {
			if (err != nil) != (n == 120) {
				t.Errorf("Admit(%d): %v", n, err)
			}
		}
		if s := p.Stats(); len(results) != 5 || s.Waiting != 0 || s.Admitted != 0 {
			t.Errorf("got %d served, %d waiting, %d admitted", len(results), s.Waiting, s.Admitted)
		}
	})
}

// TestClose: nothing is lent any more, what is lent goes with its Release, who waits hears it.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(&pool.Options{Budget: 1 << 20, Floor: 1 << 20, HalfLife: time.Minute})
		b := get(t, p, 64*kib)
		kept := b.Retain()
		get(t, p, 8*kib).Release()
		g := admit(t, p, 1<<20)
		waited := make(chan error, 1)
		go func() {
			_, err := p.Admit(t.Context(), 1)
			waited <- err
		}()
		synctest.Wait()
		for range 2 {
			p.Close()
		}
		if err := <-waited; !errors.Is(err, pool.ErrClosed) {
			t.Errorf("a waiting Admit: got %v, want ErrClosed", err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Admit(canceled, 1); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("Admit: got %v, want ErrClosed", err)
		}
		if _, ok := p.TryAdmit(0); ok {
			t.Error("TryAdmit admits after Close")
		}
		if _, err := p.Get(1); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("Get: got %v, want ErrClosed", err)
		}
		b.Release()
		kept.Bytes()[0]++
		kept.Release()
		g.Release()
		s := p.Stats()
		if s.InUse != 0 || s.Idle != 0 || s.Pinned != 0 || s.Admitted != 0 || discarded(s)[pool.DiscardTrimmed] != 2 {
			t.Errorf("got %+v, want nothing left and two trimmed", s)
		}
	})
}

// TestClosedBySomeoneElse: buffers that are lent and released while others close the pool are all gone in the end.
func TestClosedBySomeoneElse(t *testing.T) {
	for range 4 {
		p := newPool(t, pool.Options{Budget: 1 << 20, Floor: 1 << 18})
		var wg sync.WaitGroup
		for g := range 32 {
			wg.Go(func() {
				for i := 0; ; i++ {
					b, err := p.Get((g*7 + i*5) % (32 * kib))
					if errors.Is(err, pool.ErrClosed) {
						return
					}
					if err == nil {
						b.Bytes()[:1][0]++
						b.Release()
					}
					if i == 50 && g%16 == 0 {
						p.Trim()
						p.SetBudget(1 << 19)
						p.Close()
					}
				}
			})
		}
		wg.Wait()
		if s := p.Stats(); s.InUse != 0 || s.Idle != 0 {
			t.Fatalf("got %d bytes in use, %d idle after Close", s.InUse, s.Idle)
		}
	}
}

// TestHalfLife: each half-life takes half of what is not used out of the floor; what is used stays, and takes the room.
func TestHalfLife(t *testing.T) {
	noGC(t)
	synctest.Test(t, func(t *testing.T) {
		const floor = 16 * 64 * kib
		p := pool.New(&pool.Options{Floor: floor, HalfLife: time.Minute})
		if err := p.Prewarm(64*kib, 16); err != nil {
			t.Fatal(err)
		}
		step := func() { <-time.After(time.Minute); synctest.Wait() }
		pinned := func() int64 { return p.Stats().Pinned / (64 * kib) }
		step() // they were all used before it
		for i, want := range []int64{8, 4, 2, 1, 0, 0} {
			if step(); pinned() != want {
				t.Fatalf("half-life %d: got %d buffers, want %d", i, pinned(), want)
			}
		}
		var held []pool.Buf
		for range 16 {
			held = append(held, get(t, p, 64*kib))
		}
		if step(); pinned() != 16 {
			t.Errorf("got %d buffers while 16 are leased", pinned())
		}
		for _, b := range held[1:] {
			b.Release()
		}
		for range 6 {
			step()
		}
		if pinned() != 1 {
			t.Errorf("got %d buffers while one is leased", pinned())
		}
		held[0].Release()
		w := weak.Make(p)
		runtime.KeepAlive(p)
		p = nil
		collect()
		step()
		if w.Value() != nil {
			t.Error("the timer keeps a dropped Pool")
		}
	})
}

// TestMemoryGoesBack: after a burst of mixed sizes and some half-lives, or a Trim, the system has the memory again.
func TestMemoryGoesBack(t *testing.T) {
	const burst = 96 << 20
	if race.Enabled {
		t.Skip("the race detector has memory of its own for each page")
	}
	release := func() {
		for range 3 { // sync.Pool lets go after two
			debug.FreeOSMemory()
		}
	}
	for _, name := range []string{"half_life", "trim"} {
		t.Run(name, func(t *testing.T) {
			release()
			before := resident(t)
			var p *pool.Pool
			fill := func() {
				p = pool.New(&pool.Options{Floor: 1 << 30, HalfLife: time.Minute})
				var held []pool.Buf
				for i, sum := 0, 0; sum < burst; i++ {
					b := get(t, p, 1<<20+i%9*300*kib)
					clear(b.Bytes()[:b.Cap()]) // pages are the system's until they are written
					sum += b.Cap()
					held = append(held, b)
				}
				for _, b := range held {
					b.Release()
				}
			}
			if name == "trim" {
				fill()
			} else {
				synctest.Test(t, func(t *testing.T) {
					fill()
					<-time.After(time.Hour)
				})
			}
			if grown := resident(t) - before; grown < burst/2 {
				t.Fatalf("the burst of %d bytes added %d: nothing is tested", burst, grown)
			}
			if got := p.Trim(); name == "trim" && got < burst {
				t.Errorf("got %d bytes trimmed, want all %d", got, burst)
			}
			release()
			if left := resident(t) - before; left > burst/4 {
				t.Errorf("%d of %d bytes are still resident", left, burst)
			}
			runtime.KeepAlive(p)
		})
	}
}
