package engine

import (
	"context"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

const (
	// slice is how long a turn lasts when others wait. A batch of a few frames of 640x360 takes less.
	slice = 5 * time.Millisecond
	// again is how long after the question whether another client should have the turn it is asked again: all that wait are looked at
	// for it, and a run comes to it with every band of every frame.
	again = slice / 8
)

// turn is what a run or a decoder has of the queue. It is used again.
type turn struct {
	queue  *queue
	ctx    context.Context
	client *Client
	stream bool
	give   func() // yield; allocated once

	mu     sync.Mutex
	held   bool
	begin  time.Time     // of the turn, if it is held
	asked  time.Time     // when yield last asked whether another client should have it
	waited time.Duration // for turns, all together
	err    error         // why it has no turn, and never will
}

var turns = sync.Pool{New: func() any {
	t := new(turn)
	t.give = func() { _ = t.yield(slice) } // The run looks at its context itself.
	return t
}}

// newTurn returns a turn of q for ctx's client, which is not held yet.
func newTurn(ctx context.Context, q *queue, stream bool) *turn {
	t := turns.Get().(*turn)
	t.queue, t.ctx, t.client, t.stream = q, ctx, clientOf(ctx), stream
	return t
}

// end gives the turn back, if it is held. It must be the last call.
func (t *turn) end() {
	t.leave()
	t.queue, t.ctx, t.client, t.err, t.waited, t.asked = nil, nil, nil, nil, 0, time.Time{}
	turns.Put(t)
}

// enter waits for the turn. Its error, a *fault.Error, is that of ctx.
func (t *turn) enter() error {
	start := time.Now()
	t.err = t.queue.enter(t.ctx, t.client, t.stream)
	t.held, t.begin = t.err == nil, time.Now()
	t.waited += t.begin.Sub(start)
	return t.err
}

// enterAlone takes the turn where nobody has one, nor waits for one.
func (t *turn) enterAlone() bool {
	t.held, t.begin = t.queue.enterAlone(t.client, t.stream), time.Now()
	return t.held
}

// leave gives the turn back, if it is held.
func (t *turn) leave() {
	if t.held {
		t.held = false
		t.queue.leave(t.client, time.Since(t.begin), t.stream)
	}
}

// yield gives the turn to a client that waits and whose turns took less, when it has lasted for least, and waits for the
// next one. It is for all goroutines of a run. An error means that there is no turn any more.
func (t *turn) yield(least time.Duration) error {
	if t.queue.waits.Load() == 0 {
		if t.ctx.Err() != nil {
			return fault.From(context.Cause(t.ctx))
		}
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	now := time.Now()
	took := now.Sub(t.begin)
	if took < least || now.Sub(t.asked) < again {
		return nil
	}
	if t.asked = now; !t.queue.favors(t.client, took) {
		return nil
	}
	t.leave()
	return t.enter()
}

// InTurn waits for a turn and calls f in it, for work on a frame that is not a run of its pipeline, such as decoding. f
// calls yield repeatedly, where it can pause: when others wait, the turn goes to them and f waits for its next one. An
// error of yield, that of ctx, means that f has no turn any more and should return. The error is f's, or a *fault.Error
// for ctx.
func (e *Engine) InTurn(ctx context.Context, stream bool, f func(yield func() error) error) error {
	t := newTurn(ctx, &e.queue, stream)
	defer t.end()
	if err := t.enter(); err != nil {
		return err
	}
	return f(func() error { return t.yield(0) })
}
