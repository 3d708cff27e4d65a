package engine

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// Composition is a batch of images of a scene. Keep it from run to run: its memory is then allocated once.
type Composition struct {
	Images []scene.Image // the caller's; Compose borrows them
	// Color has, for each image, the bytes of its JPEG in the result's Buf. What is behind it is a gray JPEG of alpha.
	Color []int

	run composing
}

// composing is one call of Compose.
type composing struct {
	ctx   context.Context
	scene *scene.Scene
	turn  *turn
	c     *Composition
	out   *pipeline.Batch
	one   func(i int) // allocated once
}

// Compose is Run for a plan of a scene: c says what the images are, and b.Out has a result for each. b.In is not used: the
// regions' frames, which c borrows, may be there.
func (e *Engine) Compose(ctx context.Context, p *Plan, c *Composition, b *pipeline.Batch, stream bool) (Timing, error) {
	var t Timing
	b.Release()
	if len(c.Images) == 0 {
		return t, nil
	}
	start := time.Now()
	turn := newTurn(ctx, &e.queue, stream)
	defer turn.end()
	if err := turn.enter(); err != nil {
		e.Metrics.FrameFailed(fault.From(err).Kind, len(c.Images))
		return t, err
	}
	b.Out = append(b.Out, make([]pipeline.Result, len(c.Images))...)
	c.Color = append(c.Color[:0], make([]int, len(c.Images))...)
	r := &c.run
	if r.one == nil {
		r.one = r.compose
	}
	r.ctx, r.scene, r.turn, r.c, r.out = ctx, p.scene.Scene, turn, c, b
	err := e.workers.Do(len(c.Images), r.one)
	r.ctx, r.scene, r.turn, r.c, r.out = nil, nil, nil, nil, nil
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		b.Release()
	}
	t = Timing{Queue: turn.waited, Run: time.Since(start) - turn.waited}
	return t, e.count(b, len(c.Images), t, err)
}

// compose makes image i.
func (r *composing) compose(i int) {
	result := &r.out.Out[i]
	defer func() {
		if v := recover(); v != nil {
			result.Err = &pipeline.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	r.turn.give()
	if r.ctx.Err() != nil {
		return
	}
	composed, err := r.scene.Compose(&r.c.Images[i])
	result.Buf, result.Err, r.c.Color[i] = composed.Buf, err, composed.Color
}

// count counts a run of n images in the metrics, and returns err, why there are none, as a *fault.Error.
func (e *Engine) count(b *pipeline.Batch, n int, t Timing, err error) error {
	e.Metrics.Waited(t.Queue)
	e.Metrics.Took(metrics.Run, t.Run)
	if err != nil {
		f := fault.From(err)
		e.Metrics.FrameFailed(f.Kind, n)
		return f
	}
	ok := 0
	for i := range b.Out {
		if err := b.Out[i].Err; err != nil {
			e.Metrics.FrameFailed(fault.From(err).Kind, 1)
		} else {
			ok++
		}
	}
	e.Metrics.FrameOK(ok)
	return nil
}
