package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/waitlist"
)

// queue gives turns to encode: as many at a time as turns, while the others wait. The next turn is for the client whose
// turns took the least time recently, among equals the first; one turn of five is for the client that waits longest. So
// light clients go before heavy ones, and nobody starves. A client whose turns took much less time than those of the
// running ones need not even wait for one of them to end: there are as many turns again for that.
//
// A request holds a place, from before it is ready for a turn until after it, so that it is refused before anything is
// spent on it. A stream holds none: the number of streams is bounded elsewhere. There are depth places more than turns that
// streams leave to requests.
type queue struct {
	turns, depth int

	mu      sync.Mutex
	running []*Client             // of the turns
	streams int                   // of those running
	places  int                   // that are held
	waiting waitlist.List[waiter] // for a turn
	waits   atomic.Int32          // the length of waiting
	passed  int                   // how many went before the first of waiting
}

// waiter is a place in the wait for a turn.
type waiter struct {
	client *Client
	stream bool
}

// muchMore is the factor: a client need not wait for turns of others that took that many times as much.
const muchMore = 2

// mostPassed is how many others may go before the first in the queue.
const mostPassed = 4

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
func (q *queue) enter(ctx context.Context, c *Client, stream bool) error {
	if ctx.Err() != nil {
		return fault.From(context.Cause(ctx))
	}
	q.mu.Lock()
	if q.waiting.Len() == 0 && q.free(c) {
		q.begin(c, stream)
		q.mu.Unlock()
		return nil
	}
	w := q.waiting.New()
	w.Value = waiter{c, stream}
	q.waiting.Append(w)
	q.waits.Store(int32(q.waiting.Len()))
	q.advance() // c may be next already.
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
		q.remove(w)
	default: // The turn came too; another caller may have it.
		q.end(c, stream)
	}
	return fault.From(context.Cause(ctx))
}

// enterAlone is enter where nobody has a turn, nor waits for one; else it returns false.
func (q *queue) enterAlone(c *Client, stream bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Len() > 0 || len(q.running) > 0 {
		return false
	}
	q.begin(c, stream)
	return true
}

// leave ends a turn of enter, which took that long.
func (q *queue) leave(c *Client, took time.Duration, stream bool) {
	q.mu.Lock()
	c.count(time.Now(), took)
	q.end(c, stream)
	q.mu.Unlock()
}

// free reports whether there is a turn for c now. q.mu is held.
func (q *queue) free(c *Client) bool {
	if len(q.running) < q.turns {
		return true
	}
	if len(q.running) >= 2*q.turns {
		return false
	}
	now := time.Now()
	recent := c.recent(now)
	for _, r := range q.running {
		if r.recent(now) < muchMore*recent {
			return false
		}
	}
	return true
}

// begin counts a turn. q.mu is held.
func (q *queue) begin(c *Client, stream bool) {
	q.running = append(q.running, c)
	if stream {
		q.streams++
	}
}

// end passes a turn on. q.mu is held.
func (q *queue) end(c *Client, stream bool) {
	i := slices.Index(q.running, c)
	q.running[i] = q.running[len(q.running)-1]
	q.running = q.running[:len(q.running)-1]
	if stream {
		q.streams--
	}
	q.advance()
}

// lengths returns how many have a turn, and how many wait.
func (q *queue) lengths() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.running), q.waiting.Len()
}

// advance gives free turns to waiting clients. Where there is none for the next one, there may be one for the lightest.
func (q *queue) advance() {
	for q.waiting.Len() > 0 {
		w := q.next()
		if !q.free(w.Value.client) {
			if w = q.lightest(); !q.free(w.Value.client) {
				return
			}
		}
		if w == q.waiting.First() {
			q.passed = 0
		} else {
			q.passed++
		}
		q.begin(w.Value.client, w.Value.stream)
		q.waiting.Wake(w)
		q.waits.Store(int32(q.waiting.Len()))
	}
}

// favors reports whether a waiting client should have the turn of c, which has taken that long.
func (q *queue) favors(c *Client, took time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Len() == 0 {
		return false
	}
	now := time.Now()
	return q.passed >= mostPassed || q.lightest().Value.client.recent(now) <= c.recent(now)+took
}

// next returns the waiter for the next turn. There is at least one.
func (q *queue) next() *waitlist.Waiter[waiter] {
	if q.passed >= mostPassed {
		return q.waiting.First()
	}
	return q.lightest()
}

// lightest returns the first waiter whose client used least. There is at least one.
func (q *queue) lightest() *waitlist.Waiter[waiter] {
	best := q.waiting.First()
	now := time.Now()
	least := best.Value.client.recent(now)
	for w := best.Next(); w != nil; w = w.Next() {
		if recent := w.Value.client.recent(now); recent < least {
			best, least = w, recent
		}
	}
	return best
}

// remove removes w from the waiting ones.
func (q *queue) remove(w *waitlist.Waiter[waiter]) {
	if w == q.waiting.First() {
		q.passed = 0
	}
	q.waiting.Remove(w)
	q.waits.Store(int32(q.waiting.Len()))
}
