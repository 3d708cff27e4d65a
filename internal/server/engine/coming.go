package engine

import (
	"context"
	"errors"
	"time"

	"github.com/steadyframe/steadyframe/pipeline"
)

// comingTime is the most that a run waits for what comes, all together: its turn goes to nobody else meanwhile.
const comingTime = 10 * time.Millisecond

var errLate = errors.New("engine: the frame does not come quickly enough")

// noTime has ended.
var noTime = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// RunComing is Run for the one frame of b, which is still being filled, from the top, where nothing else is encoded. wait waits until so many
// of its rows are there, until ctx ends at most, and reports whether they are. It returns false where something else has a turn, where
// others wait for one and the rows are not there, after a while, or where the run fails: there is no result then, and nothing was counted.
func (e *Engine) RunComing(ctx context.Context, p *Plan, b *pipeline.Batch, wait func(ctx context.Context, rows int) bool) (Timing, bool) {
	turn := newTurn(ctx, &e.queue, false)
	defer turn.end()
	if !turn.enterAlone() {
		return Timing{}, false
	}
	within, stop := context.WithTimeout(ctx, comingTime)
	defer stop()
	start, waited := time.Now(), time.Duration(0)
	b.Rows = func(n int) error {
		begin, ctx := time.Now(), within
		if e.queue.waits.Load() > 0 {
			ctx = noTime
		}
		if !wait(ctx, n) {
			return errLate
		}
		waited += time.Since(begin)
		return nil
	}
	err := e.run(ctx, p, b, turn)
	b.Rows = nil
	if err != nil || b.Out[0].Err != nil {
		b.Release()
		return Timing{}, false
	}
	t := Timing{Queue: turn.waited, Run: max(0, time.Since(start)-turn.waited-waited)}
	return t, e.count(b, 1, t, nil) == nil
}
