package engine

import (
	"context"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/waitlist"
)

// queue gives turns to encode, in the order of arrival: as many at a time as turns, while the others wait.
//
// Those who are not patient hold a place, from before they are ready for a turn until after it, so that they are
// refused before anything is spent on them. There are depth places more than turns that the patient leave them.
type queue struct {
	turns, depth int

	mu      sync.Mutex
	running int
	patient int                 // of those running, the patient
	places  int                 // that are held
	waiting waitlist.List[bool] // for a turn; whether they are patient
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
	if q.waiting.Len() == 0 && q.running < q.turns {
		q.begin(patient)
		q.mu.Unlock()
		return nil
	}
	w := q.waiting.New()
	w.Value = patient
	q.waiting.Append(w)
	q.mu.Unlock()

	select {
	case <-w.Turn():
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.waiting.Free(w)
	switch {
	case ctx.Err() == nil:
		return nil
	case w.Waiting():
		q.waiting.Remove(w)
	default: // The turn came too; another caller may have it.
		q.end(patient)
	}
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
	return q.running, q.waiting.Len()
}

// advance gives the free turns to those who wait longest.
func (q *queue) advance() {
	for w := q.waiting.First(); w != nil && q.running < q.turns; w = q.waiting.First() {
		q.begin(w.Value)
		q.waiting.Wake(w)
	}
}
