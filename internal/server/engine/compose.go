package engine

import (
	"context"
	"runtime/debug"
	"sync/atomic"
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
	most  int64        // bytes of scratch that an image may need
	next  atomic.Int64 // the image that is composed next
	work  func(int)    // r.composeSome, allocated once
}

// sceneScratch is what an image of a scene may need however small limits.pipeline_memory is: the widest image with a region
// across it.
const sceneScratch = 40 << 20

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
	if r.work == nil {
		r.work = r.composeSome
	}
	r.most = max(sceneScratch, e.pipelines.limit/2)
	goroutines, scratch := r.divide(p.scene.Scene, c.Images, e.workers.Size())
	use, err := e.pipelines.acquireScene(ctx, &p.scene.uses, scratch, turn)
	if err == nil {
		r.ctx, r.scene, r.turn, r.c, r.out = ctx, p.scene.Scene, turn, c, b
		r.next.Store(0)
		err = e.workers.Do(goroutines, r.work)
		r.ctx, r.scene, r.turn, r.c, r.out = nil, nil, nil, nil, nil
		e.pipelines.release(use)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		b.Release()
	}
	t = Timing{Queue: turn.waited, Run: time.Since(start) - turn.waited}
	return t, e.count(b, len(c.Images), t, err)
}

// divide returns on how many goroutines images are composed, and the scratch of all of them: fewer where images need much.
func (r *composing) divide(s *scene.Scene, images []scene.Image, workers int) (goroutines int, scratch int64) {
	one := int64(1)
	for i := range images {
		if n := s.ScratchBytes(&images[i]); n <= r.most { // Others are refused.
			one = max(one, n)
		}
	}
	goroutines = int(min(int64(len(images)), int64(workers), max(1, r.most/one)))
	return goroutines, one * int64(goroutines)
}

// composeSome composes images until none is left.
func (r *composing) composeSome(int) {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= len(r.c.Images) {
			return
		}
		r.compose(i)
	}
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
	if n := r.scene.ScratchBytes(&r.c.Images[i]); n > r.most {
		result.Err = fault.LimitOf("limits.pipeline_memory", n, r.most, "the regions of the image need too much memory while it is composed: use fewer or narrower ones")
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
