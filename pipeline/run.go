package pipeline

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// errEnded is the error of a part that found the context of its run done.
var errEnded = errors.New("pipeline: context ended")

// run is one call of Pipeline.Run. Its tasks are the parts of its frames, in order. A goroutine claims a task by counting
// next up, and does it. The one that finishes the last part of a frame finishes the frame.
type run struct {
	job     // frames times parts
	p       *Pipeline
	ctx     context.Context
	frames  []frameRun
	bufs    []pool.Buf // of all frames: frameRun.parts
	parts   int        // of each frame
	next    atomic.Int64
	ended   atomic.Bool       // ctx was found done
	yield   func()            // Batch.Yield
	rows    func(n int) error // Batch.Rows
	history *History          // of the stream of the one frame; nil: it is encoded in full
}

// frameRun is one frame of a run.
type frameRun struct {
	in     *frame.Frame
	out    *Result
	parts  []pool.Buf   // what the parts have made, owned by the run; a raw image is in parts[0] alone
	left   atomic.Int32 // parts not finished
	failed atomic.Bool

	mu  sync.Mutex
	err error // of the first part that failed
}

// Run encodes each frame of b.In and puts the result, or its error, in the same place of b.Out, which it makes as long as
// b.In. It first releases what an earlier Run left there. It borrows the frames until it returns. The results belong to the
// holder of b, who releases them with b.Release or one by one. The goroutine that calls Run does its share of the work.
//
// A frame that does not match Spec.Input, a panic in a stage, or a pool above its budget fails that frame alone, in its
// Result.Err. Run returns an error when ctx has ended, which it sees between bands at the latest (context.Cause(ctx)),
// or when the workers are closed (ErrClosed): then there are no results, and every Err is that error.
//
// Run may be called from any number of goroutines at once, each with a Batch of its own.
func (p *Pipeline) Run(ctx context.Context, b *Batch) error {
	b.reset()
	if ctx.Err() != nil {
		err := context.Cause(ctx)
		b.fail(err)
		return err
	}
	var err error
	if b.History == nil || p.changes == nil {
		err = p.runFrames(ctx, b, 0, len(b.In), nil)
	} else {
		for i := 0; i < len(b.In) && err == nil; i++ {
			err = p.runNext(ctx, b, i)
		}
	}
	if err != nil {
		b.fail(err)
	}
	return err
}

// runNext encodes frame i of b, the next one of b.History.
func (p *Pipeline) runNext(ctx context.Context, b *Batch, i int) error {
	h := b.History
	if !h.begin(p) {
		return p.runFrames(ctx, b, i, i+1, nil)
	}
	err := p.runFrames(ctx, b, i, i+1, h)
	if err != nil {
		h.end(pool.Buf{})
		return err
	}
	h.end(b.Out[i].Buf)
	return nil
}

// runFrames encodes frames first..last-1 of b: with a history, one.
func (p *Pipeline) runFrames(ctx context.Context, b *Batch, first, last int, h *History) error {
	r := p.runs.Get()
	r.start(ctx, b, first, last)
	r.history = h
	err := ErrClosed
	if p.workers.enter(&r.job) {
		r.work()
		p.workers.leave(&r.job)
		err = r.result()
	}
	if err != nil {
		r.release()
	}
	r.forget()
	p.runs.Put(r)
	return err
}

// start sets r up for frames first..last-1 of b, in the memory of an earlier run.
func (r *run) start(ctx context.Context, b *Batch, first, last int) {
	n := last - first
	r.ctx, r.yield, r.rows = ctx, b.Yield, b.Rows
	r.parts = r.p.parts(n)
	if r.rows != nil {
		r.parts = 1
	}
	r.tasks = n * r.parts
	r.next.Store(0)
	r.ended.Store(false)
	if cap(r.frames) < n {
		r.frames = make([]frameRun, n)
	}
	if cap(r.bufs) < r.tasks {
		r.bufs = make([]pool.Buf, r.tasks)
	}
	r.frames, r.bufs = r.frames[:n], r.bufs[:r.tasks]
	for i := range r.frames {
		fr := &r.frames[i]
		fr.in, fr.out, fr.parts = &b.In[first+i], &b.Out[first+i], r.bufs[i*r.parts:][:r.parts]
		fr.left.Store(int32(r.parts))
	}
}

// forget drops what r refers to, so that an idle run keeps no image and no request alive.
func (r *run) forget() {
	r.ctx, r.yield, r.rows, r.history = nil, nil, nil, nil
	for i := range r.frames {
		fr := &r.frames[i]
		fr.in, fr.out, fr.parts, fr.err = nil, nil, nil, nil
		fr.failed.Store(false)
	}
}

// work does tasks until none is left to claim or the run has ended.
func (r *run) work() {
	var sc *scratch
	for !r.ended.Load() {
		t := int(r.next.Add(1)) - 1
		if t >= r.tasks {
			break
		}
		if sc == nil {
			sc = r.p.scratch.Get()
		}
		if !r.do(sc, t) {
			sc = nil
		}
	}
	if sc != nil {
		sc.forget()
		r.p.scratch.Put(sc)
	}
}

// do does task t, and finishes its frame when it is the last of it. It returns false when sc must not be used again,
// since a stage panicked.
func (r *run) do(sc *scratch, t int) bool {
	fr, n := &r.frames[t/r.parts], t%r.parts
	err := r.encode(sc, fr, n)
	if err != nil {
		fr.fail(err)
	}
	if fr.left.Add(-1) == 0 {
		r.finish(fr)
	}
	_, panicked := err.(*PanicError)
	return !panicked
}

// encode makes part n of fr.
func (r *run) encode(sc *scratch, fr *frameRun, n int) (err error) {
	defer catch(&err)
	if sc.frame, err = r.p.accept(fr.in); err != nil {
		return err
	}
	sc.part = part{of: fr, n: n, parts: r.parts}
	sc.part.first, sc.part.last = r.p.partBands(n, r.parts)
	if r.history != nil {
		return r.p.changes.encode(sc, r)
	}
	return r.p.encode(sc, r)
}

// halted returns an error when no further band of fr is needed. It is called before each band.
func (r *run) halted(fr *frameRun) error {
	if fr.failed.Load() {
		return fr.err
	}
	if r.yield != nil {
		r.yield()
	}
	if r.ended.Load() || r.ctx.Err() != nil {
		r.ended.Store(true)
		return errEnded
	}
	return nil
}

// finish makes the result of fr, whose parts are all finished.
func (r *run) finish(fr *frameRun) {
	err := fr.err
	if err == nil {
		err = r.join(fr)
	}
	if err != nil {
		fr.release()
		*fr.out = Result{Err: err}
	}
}

func (r *run) join(fr *frameRun) (err error) {
	defer catch(&err)
	if r.history != nil {
		r.p.changes.place(r.history, r.p, fr)
	}
	if err := r.p.out.join(fr); err != nil {
		return err
	}
	fr.out.Buf, fr.parts[0] = fr.parts[0], pool.Buf{}
	return nil
}

// result returns the error of the whole run, after its last task.
func (r *run) result() error {
	if r.ended.Load() {
		return context.Cause(r.ctx)
	}
	return nil
}

// release releases what the run still owns, if it ended early.
func (r *run) release() {
	for i := range r.frames {
		r.frames[i].release()
	}
}

func (fr *frameRun) release() {
	for i := range fr.parts {
		fr.parts[i].Release()
		fr.parts[i] = pool.Buf{}
	}
}

func (fr *frameRun) fail(err error) {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	if fr.err == nil {
		fr.err = err
		fr.failed.Store(true)
	}
}

// catch, deferred, turns a panic into a *PanicError.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}
