package engine

import (
	"context"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// InTurn waits for a turn and calls f in it, for work on a frame that is not a run of its pipeline, such as decoding. f
// calls yield repeatedly, where it can pause: when others wait, the turn goes to them and f waits for its next one. An
// error of yield, that of ctx, means that f has no turn any more and should return. The error is f's, or a *fault.Error
// for ctx.
func (e *Engine) InTurn(ctx context.Context, stream bool, f func(yield func() error) error) error {
	if err := e.queue.enter(ctx, stream); err != nil {
		return err
	}
	held := true
	defer func() {
		if held {
			e.queue.leave(stream)
		}
	}()
	return f(func() error {
		if _, waiting := e.queue.lengths(); waiting == 0 {
			if ctx.Err() != nil {
				return fault.From(context.Cause(ctx))
			}
			return nil
		}
		e.queue.leave(stream)
		held = false
		err := e.queue.enter(ctx, stream)
		held = err == nil
		return err
	})
}
