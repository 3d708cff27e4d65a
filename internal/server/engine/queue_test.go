package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestQueueServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1, depth: 10}
		if err := q.enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var order []int
		var mu sync.Mutex
		for i := range 10 {
			go func() {
				if err := q.enter(t.Context(), i%2 == 0); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				q.leave()
			}()
			synctest.Wait()
		}
		if running, waiting := q.lengths(); running != 1 || waiting != 10 {
			t.Errorf("got %d running and %d waiting, want 1 and 10", running, waiting)
		}
		q.leave()
		synctest.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("got order %v, want that of arrival", order)
			}
		}
		if running, waiting := q.lengths(); len(order) != 10 || running != 0 || waiting != 0 {
			t.Errorf("got %d served, %d running and %d waiting at the end, want 10, 0 and 0", len(order), running, waiting)
		}
	})
}

func TestQueueRefusesAboveItsDepth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1, depth: 1}
		ctx, cancel := context.WithCancel(t.Context())
		if err := q.check(); err != nil {
			t.Errorf("got %v from an empty queue", err)
		}
		if err := q.enter(ctx, false); err != nil {
			t.Fatal(err)
		}
		for range 3 { // The patient do not count.
			go func() { _ = q.enter(ctx, true) }()
		}
		synctest.Wait()
		if err := q.check(); err != nil {
			t.Errorf("got %v with room for one", err)
		}
		go func() { _ = q.enter(ctx, false) }()
		synctest.Wait()
		for _, err := range []error{q.enter(ctx, false), q.check()} {
			if f := fault.From(err); f == nil || f.Kind != fault.Busy || f.Limit != "limits.queue_depth" || f.Got != 2 || f.Max != 1 || f.RetryAfter <= 0 {
				t.Errorf("got %v, want Busy by limits.queue_depth with advice", err)
			}
		}
		cancel()
		synctest.Wait()
		if running, waiting := q.lengths(); running != 1 || waiting != 0 {
			t.Errorf("got %d running and %d waiting after the others gave up, want 1 and 0", running, waiting)
		}
	})
}

// TestQueueLooksAtTheDeadline: before the wait, during it, and when the turn comes.
func TestQueueLooksAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1, depth: 9}
		late, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if err := q.enter(late, false); fault.From(err).Kind != fault.Deadline {
			t.Errorf("before: got %v, want Deadline", err)
		}
		if err := q.enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := q.enter(soon, false); fault.From(err).Kind != fault.Deadline || time.Since(begin) != 50*time.Millisecond {
			t.Errorf("during: got %v after %v, want Deadline after 50ms", err, time.Since(begin))
		}
		cause := errors.New("the caller's own")
		gone, quit := context.WithCancelCause(t.Context())
		got := make(chan error)
		go func() { got <- q.enter(gone, false) }()
		synctest.Wait()
		q.mu.Lock() // The turn and the end come at the same moment.
		q.running--
		q.advance()
		quit(cause)
		q.mu.Unlock()
		if err := <-got; !errors.Is(err, cause) {
			t.Errorf("at the turn: got %v, want the context's cause", err)
		}
		if err := q.enter(t.Context(), false); err != nil {
			t.Errorf("got %v after the turn was given up, want it", err)
		}
	})
}

// TestQueueUnderChurn: with callers that give up at random, never more than turns run, and at the end nobody does.
func TestQueueUnderChurn(t *testing.T) {
	q := queue{turns: 3, depth: 5}
	var running, served atomic.Int64
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for range 300 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(200))*time.Microsecond)
				if q.enter(ctx, rng.IntN(2) == 0) == nil {
					if n := running.Add(1); n > 3 {
						t.Errorf("%d run at once, want at most 3", n)
					}
					served.Add(1)
					running.Add(-1)
					q.leave()
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if n, waiting := q.lengths(); n != 0 || waiting != 0 || served.Load() == 0 {
		t.Errorf("got %d running, %d waiting, %d served at the end, want 0, 0 and some", n, waiting, served.Load())
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := queue{turns: 1, depth: 1}
	ctx := context.Background()
	next, done := make(chan struct{}), make(chan struct{})
	go func() {
		for range next {
			_ = q.enter(ctx, false)
			q.leave()
			done <- struct{}{}
		}
	}()
	alloctest.Zero(t, 100, func() {
		_ = q.enter(ctx, false)
		next <- struct{}{}
		q.leave()
		<-done
	})
	close(next)
}
