package engine

import (
	"context"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// queue gives turns to encode, in the order of arrival: as many at a time as turns, while the others wait.
type queue struct {
	turns, depth int

	mu          sync.Mutex
	running     int
	waiting     int
	impatient   int // of those waiting, the ones that count against depth
	first, last *waiter
	free        *waiter // to be used again, linked by next
}

// waiter is a place in the queue.
type waiter struct {
	prev, next *waiter
	queued     bool
	patient    bool
	turn       chan struct{} // holds one token from the turn's giving until it is taken
}

// enter waits for a turn, to be ended with leave. It returns a *fault.Error: Busy, at once, when depth others wait
// already, unless patient, which is for those whose number is bounded elsewhere; and what ctx ended with, also when the
// turn comes at the same moment. ctx is looked at before the wait, during it, and after it.
func (q *queue) enter(ctx context.Context, patient bool) error {
	if ctx.Err() != nil {
		return fault.From(context.Cause(ctx))
	}
	q.mu.Lock()
	if q.first == nil && q.running < q.turns {
		q.running++
		q.mu.Unlock()
		return nil
	}
	if !patient && q.impatient >= q.depth {
		err := q.full()
		q.mu.Unlock()
		return err
	}
	w := q.join(patient)
	q.mu.Unlock()

	select {
	case <-w.turn:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if ctx.Err() == nil {
		q.recycle(w)
		return nil
	}
	if w.queued {
		q.remove(w)
	} else { // The turn came too; someone else may have it. The token may be there still.
		select {
		case <-w.turn:
		default:
		}
		q.running--
		q.advance()
	}
	q.recycle(w)
	return fault.From(context.Cause(ctx))
}

// leave ends a turn.
func (q *queue) leave() {
	q.mu.Lock()
	q.running--
	q.advance()
	q.mu.Unlock()
}

// check returns the error of an enter that would be refused for want of room, nil when there is some now.
func (q *queue) check() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first != nil && q.impatient >= q.depth || q.depth == 0 && q.running >= q.turns {
		return q.full()
	}
	return nil
}

func (q *queue) full() error {
	return fault.BusyOf("limits.queue_depth", int64(q.impatient)+1, int64(q.depth), "the queue is full")
}

// lengths returns how many have a turn and how many wait.
func (q *queue) lengths() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, q.waiting
}

// advance gives the free turns to those who wait longest.
func (q *queue) advance() {
	for q.first != nil && q.running < q.turns {
		w := q.first
		q.remove(w)
		q.running++
		w.turn <- struct{}{}
	}
}

// join puts a waiter at the end of the queue.
func (q *queue) join(patient bool) *waiter {
	w := q.free
	if w == nil {
		w = &waiter{turn: make(chan struct{}, 1)}
	} else {
		q.free = w.next
	}
	w.patient, w.queued, w.prev, w.next = patient, true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.waiting++
	if !patient {
		q.impatient++
	}
	return w
}

// remove takes w out of the queue.
func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	q.waiting--
	if !w.patient {
		q.impatient--
	}
}

func (q *queue) recycle(w *waiter) { w.next, q.free = q.free, w }
