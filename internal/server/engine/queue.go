package engine

import (
	"context"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// queue gives turns to encode, in the order of arrival: as many at a time as turns, while the others wait.
//
// Those who are not patient hold a place, from before they are ready for a turn until after it, so that they are
// refused before anything is spent on them. There are depth places more than turns that the patient leave them.
type queue struct {
	turns, depth int

	mu          sync.Mutex
	running     int
	patient     int // of those running, the patient
	places      int // that are held
	waiting     int
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

// reserve takes a place, to be given back with unreserve. It refuses with Busy when there is none.
func (q *queue) reserve() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.full(); err != nil {
		return err
	}
	q.places++
	return nil
}

// unreserve gives a place back.
func (q *queue) unreserve() {
	q.mu.Lock()
	q.places--
	q.mu.Unlock()
}

// check returns the error of a reserve that would be refused, nil when there is room now.
func (q *queue) check() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.full()
}

// full returns a *fault.Error when there is no place left. q.mu is held.
func (q *queue) full() error {
	left := q.turns - q.patient // turns that those with a place can have
	if q.places < left+q.depth {
		return nil
	}
	return fault.BusyOf("limits.queue_depth", int64(q.places-left)+1, int64(q.depth), "the queue is full")
}

// enter waits for a turn, to be ended with leave, for one who holds a place or is patient, which is for those whose
// number is bounded elsewhere. It returns what ctx ended with, as a *fault.Error, also when the turn comes at the same
// moment. ctx is looked at before the wait, during it, and after it.
func (q *queue) enter(ctx context.Context, patient bool) error {
	if ctx.Err() != nil {
		return fault.From(context.Cause(ctx))
	}
	q.mu.Lock()
	if q.first == nil && q.running < q.turns {
		q.begin(patient)
		q.mu.Unlock()
		return nil
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
		q.end(patient)
	}
	q.recycle(w)
	return fault.From(context.Cause(ctx))
}

// leave ends a turn that enter gave.
func (q *queue) leave(patient bool) {
	q.mu.Lock()
	q.end(patient)
	q.mu.Unlock()
}

// begin counts a turn. q.mu is held.
func (q *queue) begin(patient bool) {
	q.running++
	if patient {
		q.patient++
	}
}

// end gives a turn on. q.mu is held.
func (q *queue) end(patient bool) {
	q.running--
	if patient {
		q.patient--
	}
	q.advance()
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
		q.begin(w.patient)
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
}

func (q *queue) recycle(w *waiter) { w.next, q.free = q.free, w }
