package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// admit is p.Admit for tests that expect no error.
func admit(t *testing.T, p *pool.Pool, n int64) pool.Grant {
	t.Helper()
	g, err := p.Admit(t.Context(), n)
	if err != nil {
		t.Fatalf("Admit(%d): %v", n, err)
	}
	return g
}

func TestAdmitErrors(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		n    int64
		want error
		text string
	}{
		{"negative", t.Context(), -1, pool.ErrSize, "pool: size out of range: got -1 bytes, want 0 to 100"},
		{"above_budget", t.Context(), 101, pool.ErrBudget,
			"pool: over budget: got a request for 101 bytes with 60 in use, want at most 100 together"},
		{"above_budget_and_done", done, 101, pool.ErrBudget,
			"pool: over budget: got a request for 101 bytes with 60 in use, want at most 100 together"},
		{"done_though_it_fits", done, 1, context.Canceled, "pool: admission of 1 bytes: context canceled"},
	}
	p := newPool(t, pool.Options{Budget: 100})
	defer admit(t, p, 60).Release()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := p.Admit(tt.ctx, tt.n)
			g.Release() // the zero Grant
			if !errors.Is(err, tt.want) || err.Error() != tt.text {
				t.Errorf("Admit(%d): got %v, want %q", tt.n, err, tt.text)
			}
		})
	}
}

func TestAdmitWithoutBudget(t *testing.T) {
	p := newPool(t, pool.Options{})
	for range 3 {
		defer admit(t, p, 1<<61).Release()
	}
	if s := p.Stats(); s.Admitted != 3<<61 || s.Waiting != 0 {
		t.Errorf("got %d bytes admitted, %d waiting, want %d and 0", s.Admitted, s.Waiting, int64(3<<61))
	}
}

func TestGrantReleasedTwice(t *testing.T) {
	for _, budget := range []int64{0, 100} {
		t.Run(fmt.Sprintf("budget=%d", budget), func(t *testing.T) {
			p := newPool(t, pool.Options{Budget: budget})
			g := admit(t, p, 30)
			g.Release()
			other := admit(t, p, 40) // in the ticket that g had
			if got := recovered(g.Release); got != "pool: Grant released twice" {
				t.Errorf("got panic %v", got)
			}
			if got := p.Stats().Admitted; got != 40 {
				t.Errorf("got %d bytes admitted, want the other grant's 40", got)
			}
			other.Release()
		})
	}
}

// TestAdmitOrder: the caller that waits longest comes first, also before a smaller one that would fit.
func TestAdmitOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		type admission struct {
			n     int64
			grant pool.Grant
		}
		admitted := make(chan admission, 4)
		// expect waits for exactly the admissions of want, which come together and so in any order, and releases them.
		expect := func(want ...int64) {
			t.Helper()
			synctest.Wait()
			var got []int64
			var grants []pool.Grant
			for range len(admitted) {
				a := <-admitted
				got, grants = append(got, a.n), append(grants, a.grant)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("got %d admitted, want %d", got, want)
			}
			for _, g := range grants {
				g.Release()
			}
		}
		first := admit(t, p, 70)
		for _, n := range []int64{60, 10, 40, 30} {
			go func() { admitted <- admission{n, admit(t, p, n)} }()
			synctest.Wait() // so that they queue in this order
		}
		if s := p.Stats(); s.Waiting != 4 || s.Admitted != 70 {
			t.Errorf("got %d waiting, %d bytes admitted, want 4 and 70: 30 would fit but must not overtake", s.Waiting, s.Admitted)
		}
		expect()
		first.Release()
		expect(10, 60)
		expect(30, 40)
	})
}

// TestPriority: a caller that has been admitted before goes before newcomers, and at once where there is room for it. After
// Reset it is a newcomer.
func TestPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		older, younger := p.NewPriority(), p.NewPriority()
		again := func(n int64, q *pool.Priority) pool.Grant {
			g, err := q.Admit(t.Context(), n)
			if err != nil {
				t.Fatalf("Admit(%d): %v", n, err)
			}
			return g
		}
		again(1, older).Release()
		again(1, younger).Release()
		holder := admit(t, p, 70)
		order := make(chan string, 3)
		wait := func(who string, ask func() pool.Grant) {
			go func() {
				g := ask()
				order <- who // There is no room for the next before the release.
				g.Release()
			}()
			synctest.Wait()
		}
		wait("newcomer", func() pool.Grant { return admit(t, p, 60) })
		again(30, younger).Release()
		if s := p.Stats(); s.Waiting != 1 || s.Admitted != 70 {
			t.Errorf("got %d waiting, %d bytes admitted, want 1 and 70: the newcomer does not fit", s.Waiting, s.Admitted)
		}
		wait("younger", func() pool.Grant { return again(60, younger) })
		wait("older", func() pool.Grant { return again(60, older) })
		holder.Release()
		if got := []string{<-order, <-order, <-order}; !slices.Equal(got, []string{"older", "younger", "newcomer"}) {
			t.Errorf("got %q, want those first that were admitted before", got)
		}
		holder = admit(t, p, 70)
		wait("newcomer", func() pool.Grant { return admit(t, p, 60) })
		older.Reset()
		wait("older", func() pool.Grant { return again(60, older) })
		holder.Release()
		if got := []string{<-order, <-order}; !slices.Equal(got, []string{"newcomer", "older"}) {
			t.Errorf("got %q after Reset, want the order of arrival", got)
		}
		synctest.Wait()
	})
}

// TestRoomForRegulars: who came later leaves room for what one that was there before asked for last, so that it need not wait for them to
// end. What is left is for the newest as well when the one before has not come for a while, and there is no room that nobody could use.
func TestRoomForRegulars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		regular := p.NewPriority()
		again := func(n int64) pool.Grant {
			g, err := regular.Admit(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		for range 2 {
			again(20).Release()
		}
		var newest []pool.Grant
		granted := make(chan pool.Grant, 5)
		for range 5 {
			go func() { granted <- admit(t, p, 20) }()
		}
		synctest.Wait()
		if s := p.Stats(); s.Admitted != 80 || s.Waiting != 1 {
			t.Fatalf("got %d bytes admitted, %d waiting, want 80 and 1: room for the regular", s.Admitted, s.Waiting)
		}
		for range 3 * 5 { // also when it is the turn of the one that waits
			again(20).Release() // does not wait
		}
		if s := p.Stats(); s.Admitted != 80 || s.Waiting != 1 {
			t.Errorf("got %d bytes admitted, %d waiting, want 80 and 1 after the regular", s.Admitted, s.Waiting)
		}
		<-time.After(20 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Admitted != 100 || s.Waiting != 0 {
			t.Errorf("got %d bytes admitted, %d waiting, want 100 and 0 when the regular has gone", s.Admitted, s.Waiting)
		}
		for range 5 {
			newest = append(newest, <-granted)
		}
		for _, g := range newest {
			g.Release()
		}
		again(20).Release()
		admit(t, p, 100).Release() // does not wait, though it leaves no room
	})
}

// TestAdmitStarvesNobody: newcomers get their turn though others that were there before always wait.
func TestAdmitStarvesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var grants, newcomers atomic.Int64
		for range 3 {
			priority := p.NewPriority()
			admitted := make(chan struct{})
			all.Go(func() {
				for first := true; ; first = false {
					g, err := priority.Admit(ctx, 100)
					if err != nil {
						return
					}
					if grants.Add(1); first {
						close(admitted)
					}
					<-time.After(time.Millisecond)
					g.Release()
				}
			})
			<-admitted
		}
		before := grants.Load()
		for range 5 {
			all.Go(func() {
				g := admit(t, p, 60)
				n := newcomers.Add(1)
				if others := grants.Load() - before; others > 4*n+2 { // and two that waited before it
					t.Errorf("newcomer %d came after %d grants to others, want 4 for each newcomer", n, others)
				}
				<-time.After(time.Millisecond)
				g.Release()
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		cancel()
		all.Wait()
		if grants.Load() < 500 {
			t.Errorf("got %d grants to others in a second, want as many as there is room for", grants.Load())
		}
	})
}

// TestAdmitCanceled: a waiter that gives up leaves the queue, and those behind it go on.
func TestAdmitCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		holder := admit(t, p, 70)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		large := make(chan error)
		go func() {
			_, err := p.Admit(ctx, 60)
			large <- err
		}()
		synctest.Wait()
		small := make(chan pool.Grant)
		go func() { small <- admit(t, p, 30) }()
		synctest.Wait()
		if s := p.Stats(); s.Waiting != 2 {
			t.Fatalf("got %d waiting, want 2", s.Waiting)
		}
		if err := <-large; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
		(<-small).Release() // the holder has not released: the end of the wait made way
		holder.Release()
	})
}

// TestAdmitCancelRace: grants and cancellations at the same moment lose neither bytes nor wake-ups.
func TestAdmitCancelRace(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(g)))
				priority := p.NewPriority()
				for range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(20)))
					if g%2 == 0 {
						priority.Reset()
					}
					grant, err := priority.Admit(ctx, int64(r.IntN(101)))
					if err == nil {
						<-time.After(time.Duration(1 + r.IntN(3)))
						if s := p.Stats(); s.Admitted > 100 {
							t.Errorf("seed %d: %d bytes admitted of 100", seed, s.Admitted)
						}
						grant.Release()
					}
					cancel()
				}
			})
		}
		wg.Wait() // a lost wake-up deadlocks, which synctest reports
		admit(t, p, 100).Release()
	})
}

// TestShrink: what is given back early admits others, and the rest is given back by Release.
func TestShrink(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 100})
	g := admit(t, p, 90)
	for _, tt := range []struct{ keep, want int64 }{{95, 90}, {90, 90}, {40, 40}, {41, 40}, {0, 0}, {-1, 0}} {
		if g.Shrink(tt.keep); p.Stats().Admitted != tt.want {
			t.Errorf("Shrink(%d): got %d bytes admitted, want %d", tt.keep, p.Stats().Admitted, tt.want)
		}
	}
	g.Release()
	if got := recovered(func() { g.Shrink(1) }); got != "pool: Grant released twice" {
		t.Errorf("got panic %v", got)
	}
	pool.Grant{}.Shrink(1)
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Budget: 100})
		g := admit(t, p, 90)
		go func() { admit(t, p, 60).Release() }()
		synctest.Wait()
		if g.Shrink(50); p.Stats().Waiting != 1 {
			t.Error("the waiter was admitted above the budget")
		}
		g.Shrink(40)
		synctest.Wait()
		if s := p.Stats(); s.Waiting != 0 || s.Admitted != 40 {
			t.Errorf("got %d waiting, %d admitted, want 0 and 40", s.Waiting, s.Admitted)
		}
		g.Release()
	})
}
