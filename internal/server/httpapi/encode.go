package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// encode serves POST /v1/encode.
func (h *Handler) encode(w *writer, r *http.Request) error {
	e := h.engine
	h.load.set(w.Header(), e.Load())
	if err := e.Open(engine.Encode, ownerOf(r)); err != nil {
		return err
	}
	defer e.Done(engine.Encode, ownerOf(r))
	if r.ContentLength >= 0 { // An endless body waits for its turns, however long the queue.
		if err := e.CheckQueue(); err != nil {
			return err
		}
	}
	control := http.NewResponseController(w)
	b := newBody(e, w, r, control)
	if r.ContentLength >= 0 {
		b.idle = b.receive
	}
	src, err := openSource(e, r, b)
	if err != nil {
		return err
	}
	defer src.plan.Release()
	if !src.endless { // Not before the body has begun: a caller that sends nothing takes no place in the queue.
		if err := e.Reserve(); err != nil {
			return err
		}
		defer e.Unreserve()
	}
	a := newEncodeResponse(newOutgoing(e, w, r, control), r, src.plan)
	defer a.over()
	ctx, cancel := context.WithCancel(r.Context())
	x := &exchange{engine: e, source: src, body: b, response: a, intake: startIntake(ctx, e, src, b)}
	defer x.close(cancel)
	return x.run(ctx)
}

// exchange is one request being served: frames come in on the intake's goroutine, and are encoded and written on the
// handler's.
type exchange struct {
	engine   *engine.Engine
	source   *source
	body     *body
	response *encodeResponse
	intake   *intake

	history pipeline.History
	batch   pipeline.Batch
	images  []*ingest.SceneImage // of a scene, in place of the batch's frames
	of      engine.Composition   // what they are
	grants  []pool.Grant
	coming  *ingest.Coming // the rest of the only frame of batch; nil: it is there
	ahead   admitted       // taken from the intake and not yet part of a batch
}

// run encodes what comes in until nothing more does.
func (x *exchange) run(ctx context.Context) error {
	draining := x.engine.Draining()
	if !x.source.endless {
		draining = nil // A body of known length is read to its end.
	}
	for x.collect(draining) {
		if err := x.encode(ctx); err != nil {
			return err
		}
		if x.response.form == perhapsOne && len(x.batch.Out) == 1 && !x.more(draining) && x.intake.err == io.EOF {
			return x.writeOne()
		}
		if err := x.write(); err != nil {
			return err
		}
	}
	if x.intake.err != io.EOF {
		return x.intake.err
	}
	if !x.response.begun {
		return fault.Errorf(fault.Invalid, "the body has no frames, want at least one")
	}
	return x.response.end()
}

// more waits until it is known whether another frame comes after the first. It does not wait for that frame: there may
// be memory for it only when the first has given back its own.
func (x *exchange) more(draining <-chan struct{}) bool { return x.wait(draining, x.intake.second) }

// peek waits for the next frame and keeps it ahead. It returns false when there is none.
func (x *exchange) peek(draining <-chan struct{}) bool { return x.wait(draining, nil) }

// wait returns true when the next frame is ahead, or enough happens; false when there is none.
func (x *exchange) wait(draining, enough <-chan struct{}) bool {
	if x.ahead.there() {
		return true
	}
	for {
		select {
		case a, ok := <-x.intake.frames:
			x.ahead = a
			return ok
		case <-enough:
			return true
		case <-draining:
			draining = nil
			x.body.stop()
		}
	}
}

// collect makes a batch of the frames that have come in: it waits for one, and takes those that are there. It returns
// false when there are no more.
func (x *exchange) collect(draining <-chan struct{}) bool {
	if !x.peek(draining) {
		return false
	}
	x.take()
	for x.length() < maxBatch {
		select {
		case a, ok := <-x.intake.frames:
			if !ok {
				return true
			}
			x.ahead = a
			x.take()
		default:
			return true
		}
	}
	return true
}

// take moves the frame ahead into the batch.
func (x *exchange) take() {
	if m := x.ahead.image; m != nil {
		x.images, x.of.Images = append(x.images, m), append(x.of.Images, m.Image)
	} else {
		x.batch.In = append(x.batch.In, x.ahead.frame)
		x.coming = x.ahead.coming
	}
	x.grants = append(x.grants, x.ahead.grant)
	x.ahead = admitted{}
}

// encode runs the batch. A frame that fails ends the request: a response has no place to say so.
func (x *exchange) encode(ctx context.Context) error {
	timing, done, err := engine.Timing{}, false, error(nil)
	if x.coming != nil {
		timing, done, err = x.encodeComing(ctx)
	}
	if !done && err == nil {
		x.batch.History = &x.history
		timing, err = x.runBatch(ctx)
	}
	if err != nil {
		return err
	}
	x.engine.Metrics.Served(timing.Queue + timing.Run)
	x.releaseInput()
	return nil
}

// encodeComing encodes the only frame while it comes. done = false says that it was not, and is there now.
func (x *exchange) encodeComing(ctx context.Context) (timing engine.Timing, done bool, err error) {
	c, plan := x.coming, x.source.plan
	x.coming = nil
	rowBytes := c.Size() / plan.Spec().Input.Height
	timing, done = x.engine.RunComing(ctx, plan, &x.batch, func(ctx context.Context, rows int) bool { return c.Wait(ctx, rows*rowBytes) })
	if err := c.Over(ctx); err != nil {
		return timing, false, fault.From(err)
	}
	return timing, done, nil
}

// runBatch runs the batch.
func (x *exchange) runBatch(ctx context.Context) (engine.Timing, error) {
	plan := x.source.plan
	if !plan.OfScene() {
		return x.engine.Run(ctx, plan, &x.batch, x.source.endless)
	}
	timing, err := x.engine.Compose(ctx, plan, &x.of, &x.batch, x.source.endless)
	if plan.Transparent() {
		x.response.colors = x.of.Color
	}
	return timing, err
}

// length returns how many images the batch will have.
func (x *exchange) length() int { return len(x.batch.In) + len(x.images) }

// releaseInput releases the frames of the batch.
func (x *exchange) releaseInput() {
	for i := range x.batch.In {
		x.batch.In[i].Release()
	}
	for _, m := range x.images {
		m.Release()
	}
	clear(x.images)
	clear(x.of.Images)
	x.images, x.of.Images = x.images[:0], x.of.Images[:0]
}

// writeOne writes the only image.
func (x *exchange) writeOne() error {
	defer x.release()
	if err := x.batch.Out[0].Err; err != nil {
		return fault.From(err)
	}
	x.response.hold(x.batch.Out)
	defer x.response.sending.End()
	return x.response.one(x.batch.Out[0].Bytes())
}

// write writes the images of the batch, up to the first that failed, and empties it.
func (x *exchange) write() error {
	defer x.release()
	if !x.response.begun {
		if x.batch.Out[0].Err != nil {
			return fault.From(x.batch.Out[0].Err)
		}
		if err := x.response.begin(); err != nil {
			return err
		}
	}
	start := time.Now()
	n := 0
	for n < len(x.batch.Out) && x.batch.Out[n].Err == nil {
		n++
	}
	x.response.hold(x.batch.Out)
	err := x.response.images(x.batch.Out[:n])
	x.response.sending.End()
	if err != nil {
		return err
	}
	x.engine.Metrics.Took(metrics.Send, time.Since(start))
	if n < len(x.batch.Out) {
		return fault.From(x.batch.Out[n].Err)
	}
	return nil
}

// release gives back what the batch holds.
func (x *exchange) release() {
	x.releaseInput()
	clear(x.batch.In)
	x.batch.In = x.batch.In[:0]
	x.batch.Release()
	for _, g := range x.grants {
		g.Release()
	}
	x.grants = x.grants[:0]
}

// close ends the intake and gives everything back.
func (x *exchange) close(cancel context.CancelFunc) {
	cancel()
	select {
	case <-x.intake.done:
	default:
		x.body.stop()
		<-x.intake.done
	}
	for a := range x.intake.frames {
		a.release()
	}
	x.ahead.release()
	x.release()
	x.history.Release()
}
