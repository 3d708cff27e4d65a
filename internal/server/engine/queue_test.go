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
		if err := q.enter(t.Context(), nil, false); err != nil {
			t.Fatal(err)
		}
		var order []int
		var mu sync.Mutex
		for i := range 10 {
			go func() {
				stream := i%2 == 0
				if err := q.enter(t.Context(), nil, stream); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				q.leave(nil, 0, stream)
			}()
			synctest.Wait()
		}
		if running, waiting := q.lengths(); running != 1 || waiting != 10 {
			t.Errorf("got %d running and %d waiting, want 1 and 10", running, waiting)
		}
		q.leave(nil, 0, false)
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

// TestQueueRefusesAboveItsDepth: places are held from reserve on, whether or not their holders wait for a turn yet.
// Streams that wait hold none; each that runs leaves one fewer.
func TestQueueRefusesAboveItsDepth(t *testing.T) {
	tests := []struct {
		name                   string
		turns, depth           int
		streams, waiting, held int // streams that run and wait; places held
		got                    int64
	}{
		{"room", 1, 1, 0, 0, 1, 0},
		{"full", 1, 1, 0, 0, 2, 2},
		{"more-turns", 3, 1, 0, 0, 4, 2},
		{"more-turns-room", 3, 1, 0, 0, 3, 0},
		{"stream-run", 3, 1, 2, 0, 2, 2},
		{"stream-run-room", 3, 1, 2, 0, 1, 0},
		{"stream-wait", 1, 1, 1, 3, 0, 0},
		{"stream-wait-full", 1, 1, 1, 3, 1, 2},
		{"no-depth", 2, 0, 0, 0, 2, 1},
		{"no-depth-room", 2, 0, 0, 0, 1, 0},
		{"no-depth-stream-run", 2, 0, 2, 0, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := queue{turns: tt.turns, depth: tt.depth}
				ctx, cancel := context.WithCancel(t.Context())
				for range tt.held {
					if err := q.reserve(); err != nil {
						t.Fatal(err)
					}
				}
				for range tt.streams + tt.waiting {
					go func() { _ = q.enter(ctx, nil, true) }()
				}
				synctest.Wait()
				errs := []error{q.check(), q.reserve()}
				for _, err := range errs {
					f := fault.From(err)
					switch {
					case (f != nil) != (tt.got > 0):
						t.Errorf("got %v, want Busy %t", err, tt.got > 0)
					case f != nil && (f.Kind != fault.Busy || f.Limit != "limits.queue_depth" || f.Got != tt.got || f.Max != int64(tt.depth) || f.RetryAfter <= 0):
						t.Errorf("got %v, want Busy by limits.queue_depth, got %d, max %d, with advice", err, tt.got, tt.depth)
					}
				}
				if errs[1] != nil && tt.held > 0 { // The next gets the place that is given back.
					q.unreserve()
					if err := q.reserve(); err != nil {
						t.Errorf("got %v after a place was given back", err)
					}
				}
				cancel()
				synctest.Wait()
				if running, waiting := q.lengths(); running != tt.streams || waiting != 0 {
					t.Errorf("got %d running and %d waiting after the others gave up, want %d and 0", running, waiting, tt.streams)
				}
			})
		})
	}
}

// TestQueueLooksAtTheDeadline: before the wait, during it, and when the turn comes.
func TestQueueLooksAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1, depth: 9}
		late, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if err := q.enter(late, nil, false); fault.From(err).Kind != fault.Deadline {
			t.Errorf("before: got %v, want Deadline", err)
		}
		if err := q.enter(t.Context(), nil, false); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := q.enter(soon, nil, false); fault.From(err).Kind != fault.Deadline || time.Since(begin) != 50*time.Millisecond {
			t.Errorf("during: got %v after %v, want Deadline after 50ms", err, time.Since(begin))
		}
		cause := errors.New("the caller's own")
		canceled, quit := context.WithCancelCause(t.Context())
		got := make(chan error)
		go func() { got <- q.enter(canceled, nil, false) }()
		synctest.Wait()
		q.mu.Lock() // The turn and the end come at the same moment.
		q.end(nil, false)
		quit(cause)
		q.mu.Unlock()
		if err := <-got; !errors.Is(err, cause) {
			t.Errorf("at the turn: got %v, want the context's cause", err)
		}
		if err := q.enter(t.Context(), nil, false); err != nil {
			t.Errorf("got %v after the turn was given up, want it", err)
		}
	})
}

// TestQueueUnderChurn: with callers that give up at random, never more than turns run, and at the end none does.
func TestQueueUnderChurn(t *testing.T) {
	q := queue{turns: 3, depth: 5}
	var running, served atomic.Int64
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for range 300 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(200))*time.Microsecond)
				stream := rng.IntN(2) == 0
				if q.enter(ctx, nil, stream) == nil {
					if n := running.Add(1); n > 3 {
						t.Errorf("%d run at once, want at most 3", n)
					}
					served.Add(1)
					running.Add(-1)
					q.leave(nil, 0, stream)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if n, waiting := q.lengths(); n != 0 || waiting != 0 || q.streams != 0 || served.Load() == 0 {
		t.Errorf("got %d running (%d stream), %d waiting, %d served at the end, want 0, 0 and some", n, q.streams, waiting, served.Load())
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := queue{turns: 1, depth: 1}
	ctx := context.Background()
	next, done := make(chan struct{}), make(chan struct{})
	go func() {
		for range next {
			_ = q.reserve()
			_ = q.enter(ctx, nil, false)
			q.leave(nil, 0, false)
			q.unreserve()
			done <- struct{}{}
		}
	}()
	alloctest.Waiting(t, 100, func() {
		_ = q.reserve()
		_ = q.enter(ctx, nil, false)
		next <- struct{}{}
		q.leave(nil, 0, false)
		q.unreserve()
		<-done
	})
	close(next)
}
