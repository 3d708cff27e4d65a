package engine

import (
	"context"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/waitlist"
)

// queue gives turns to encode, in the order of arrival: as many at a time as turns, while the others wait.
//
// A request holds a place, from before it is ready for a turn until after it, so that it is refused before anything is
// spent on it. A stream holds none: the number of streams is bounded elsewhere. There are depth places more than turns that
// streams leave to requests.
type queue struct {
	turns, depth int

	mu      sync.Mutex
	running int
	streams int                 // of those running
	places  int                 // that are held
	waiting waitlist.List[bool] // for a turn; whether it is a stream
}

// reserve takes a place, to be given back with unreserve. It refuses with Busy when none is free.
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
	left := q.turns - q.streams // turns for requests
	if q.places < left+q.depth {
		return nil
	}
	return fault.BusyOf("limits.queue_depth", int64(q.places-left)+1, int64(q.depth), "the queue is full")
}

// enter waits for a turn, to be ended with leave, for a stream, or for a request that holds a place. When ctx is done it
// returns its cause as a *fault.Error, also when the turn comes at the same moment. ctx is checked before the wait, during
// it, and after it.
func (q *queue) enter(ctx context.Context, stream bool) error {
	if ctx.Err() != nil {
		return fault.From(context.Cause(ctx))
	}
	q.mu.Lock()
	if q.waiting.Len() == 0 && q.running < q.turns {
		q.begin(stream)
		q.mu.Unlock()
		return nil
	}
	w := q.waiting.New()
	w.Value = stream
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
		q.end(stream)
	}
	return fault.From(context.Cause(ctx))
}

// leave ends a turn that enter gave.
func (q *queue) leave(stream bool) {
	q.mu.Lock()
	q.end(stream)
	q.mu.Unlock()
}

// begin counts a turn. q.mu is held.
func (q *queue) begin(stream bool) {
	q.running++
	if stream {
		q.streams++
	}
}

// end passes a turn on. q.mu is held.
func (q *queue) end(stream bool) {
	q.running--
	if stream {
		q.streams--
	}
	q.advance()
}

// lengths returns how many have a turn, and how many wait.
func (q *queue) lengths() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, q.waiting.Len()
}

// advance gives the free turns to those that wait longest.
func (q *queue) advance() {
	for w := q.waiting.First(); w != nil && q.running < q.turns; w = q.waiting.First() {
		q.begin(w.Value)
		q.waiting.Wake(w)
	}
}
