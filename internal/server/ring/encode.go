//go:build linux

package ring

import (
	"math"
	"time"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// encoding is a connection that gives frames and gets images.
type encoding struct {
	*connection
	plan    *engine.Plan
	cost    int64          // bytes that are admitted for images until they are copied
	batch   pipeline.Batch // of the frames of all slots in submitted
	history pipeline.History
	of      engine.Composition // of a scene, in place of batch.In: an image of each slot
	index   int                // the index of the next image that says none
	most    int                // frames, or images of a scene, in a batch
	slots   []*slot            // submitted, in order
	frames  int                // of them
	replies []byte             // what is still to be sent; see flush
}

// mostHeld is the most bytes of replies that are held for those that follow.
const mostHeld = ring.MaxSlots * ring.Size

// encode serves a connection for encoding. The error is as of run.
func (c *connection) encode(h ring.Hello) error {
	if err := c.checkBatch(h.Batch); err != nil {
		return err
	}
	plan, err := c.engine.Plan(h.Spec)
	if err != nil {
		return err
	}
	e := &encoding{connection: c, plan: plan, most: max(h.Batch, c.engine.Workers())}
	defer func() { e.plan.Release() }() // Another may have taken its place.
	c.plan.Store(plan)
	if err := c.engine.Open(engine.Encode, c.id.Owner()); err != nil {
		return err
	}
	defer c.engine.Done(engine.Encode, c.id.Owner())
	layout := newLayout
	if plan.OfScene() {
		e.most, layout = c.engine.Workers(), sceneLayout
	}
	l, err := layout(h.Slots, h.Batch, plan.FrameBytes(), plan.ImageBytes())
	if err != nil {
		return err
	}
	l.Width, l.Height = plan.OutputSize()
	// Beside the slots, the pool's buffers that images are in before they are copied.
	e.cost = e.costOf(plan, h.Batch)
	if err := c.memory.open(c.ctx, l, e.cost); err != nil {
		return err
	}
	if err := c.makeSlots(h.Spec.Input, false); err != nil {
		return err
	}
	defer c.freeSlots()
	defer e.batch.Release()
	e.batch.History = &e.history
	defer e.history.Release()
	var m ring.Message
	l.Set(&m)
	if err := c.send(m[:], c.descriptors()...); err != nil {
		return err
	}
	for {
		if err := e.collect(); err != nil {
			_ = e.flush() // What was done is said before why it ends, if the client is still there.
			return err
		}
		if err := e.serve(); err != nil {
			return err
		}
	}
}

// collect waits for frames, and takes as many of the slots that have been read as keep all workers busy.
func (e *encoding) collect() error {
	e.slots, e.frames = e.slots[:0], 0
	e.enter(reading)
	for {
		m, err := e.next(false)
		if m == nil && err == nil && e.frames == 0 { // Nothing more has been read: it is waited for, and what is held is sent before.
			if err = e.flush(); err == nil {
				m, err = e.next(true)
			}
		}
		switch {
		case err != nil:
			return err
		case m == nil:
			e.enter(working)
			return nil
		case m.Kind() == ring.KindPing:
			if err := e.ping(); err != nil {
				return err
			}
			e.enter(reading)
			continue
		case m.Kind() != ring.KindSubmit:
			return wrongKind(m, "SUBMIT or PING")
		}
		submit := ring.ParseSubmit(m)
		if err := e.check(&submit); err != nil {
			return err
		}
		if e.frames > 0 && e.frames+e.images(&submit) > e.most {
			e.unread()
			e.enter(working)
			return nil
		}
		s, err := e.claim(submit.Slot, submit.Generation, false)
		if err != nil {
			return err
		}
		s.ours, s.submitted = true, submit
		e.slots = append(e.slots, s)
		e.frames += e.images(&submit)
	}
}

// check refuses a SUBMIT that cannot be.
func (e *encoding) check(submit *ring.Submit) error {
	if e.plan.OfScene() {
		return e.checkImage(submit)
	}
	if submit.Frames < 1 || submit.Frames > uint32(e.layout.Batch) {
		return fault.Errorf(fault.Invalid, "ring: got %d frames, want 1..%d", submit.Frames, e.layout.Batch)
	}
	return nil
}

// images returns how many images are made of what is submitted.
func (e *encoding) images(submit *ring.Submit) int {
	if e.plan.OfScene() {
		return 1
	}
	return int(submit.Frames)
}

// costOf returns the bytes that a batch may lease. Regions, of which an image has at most so many, may be copied.
func (e *encoding) costOf(plan *engine.Plan, regions int) int64 {
	if !plan.OfScene() {
		return plan.Cost(0, e.most)
	}
	return plan.Cost(int64(e.most)*int64(regions)*int64(plan.FrameBytes()), e.most)
}

// renew takes the scene that has come into the place of the plan's. The error is that there is none, or no memory.
func (e *encoding) renew() error {
	if !e.plan.Stale() {
		return nil
	}
	plan, err := e.engine.Plan(e.plan.Spec())
	if err != nil {
		return err
	}
	if cost := e.costOf(plan, e.layout.Batch); cost > e.cost {
		if err := e.hold(e.ctx, cost-e.cost); err != nil {
			plan.Release()
			return err
		}
		e.cost = cost
	}
	e.plan.Release()
	e.plan = plan
	e.connection.plan.Store(plan)
	return nil
}

// run makes the images of what was collected.
func (e *encoding) run() (engine.Timing, error) {
	if err := e.renew(); err != nil {
		return engine.Timing{}, err
	}
	if e.plan.OfScene() {
		e.of.Images = e.of.Images[:0]
		for _, s := range e.slots {
			e.of.Images = append(e.of.Images, e.image(s))
		}
		return e.engine.Compose(e.ctx, e.plan, &e.of, &e.batch, true)
	}
	e.batch.In = e.batch.In[:0]
	for _, s := range e.slots {
		e.batch.In = append(e.batch.In, s.frames[:s.submitted.Frames]...)
	}
	return e.engine.Run(e.ctx, e.plan, &e.batch, true)
}

// image returns the image that was submitted in s.
func (e *encoding) image(s *slot) scene.Image {
	submit := &s.submitted
	if submit.Flags&ring.FlagIndex != 0 {
		e.index = int(submit.Index)
	}
	image := scene.Image{Index: e.index}
	if e.index < math.MaxInt {
		e.index++
	}
	s.regions = s.regions[:0]
	for i := range int(submit.Frames) {
		s.regions = append(s.regions, e.region(s, submit, i))
	}
	image.Regions = s.regions
	return image
}

// serve encodes what was collected and sends the images.
func (e *encoding) serve() error {
	begin := time.Now()
	timing, err := e.run()
	if e.ctx.Err() != nil {
		return fault.From(err)
	}
	e.engine.Metrics.Served(timing.Queue + timing.Run)
	results, done := e.batch.Out, 0
	for _, s := range e.slots {
		s.generation++
		s.ours = false
		n := e.images(&s.submitted)
		d := ring.Done{Slot: s.index, Generation: s.generation, Frames: uint32(n), Tag: s.submitted.Tag}
		if err != nil {
			e.fail(&d, fault.From(err))
			continue
		}
		d.Failed = e.deliver(s, results[done:done+n], e.colors(done, n))
		done += n
		d.RunNS = uint64(timing.Queue + timing.Run)
		d.Set(&s.reply)
		e.replies = append(e.replies, s.reply[:]...)
	}
	e.batch.Release()
	e.engine.Metrics.Took(metrics.Send, time.Since(begin)-timing.Queue-timing.Run)
	if e.slots[len(e.slots)-1].submitted.Flags&ring.FlagMore != 0 && len(e.replies) < mostHeld {
		return nil
	}
	return e.flush()
}

// flush sends the replies that are held.
func (e *encoding) flush() error {
	if len(e.replies) == 0 {
		return nil
	}
	err := e.send(e.replies)
	e.replies = e.replies[:0]
	return err
}

// fail responds for s with the error of its batch.
func (e *encoding) fail(d *ring.Done, f *fault.Error) {
	e.replies = d.AppendFailed(e.replies, errorOf(f))
}

// maxFrameText is the most bytes of a frame's error.
const maxFrameText = 256

// colors returns, of n images with alpha from the first on, how many bytes are the JPEG of color; nil of others.
func (e *encoding) colors(first, n int) []int {
	if !e.plan.Transparent() {
		return nil
	}
	return e.of.Color[first : first+n]
}

// deliver copies the results into the area of s, and returns how many of them are errors. colors are those of images with alpha.
func (e *encoding) deliver(s *slot, results []pipeline.Result, colors []int) (failed uint32) {
	at := ring.TableBytes(len(results))
	need := at
	for i := range results {
		need += ring.Align(results[i].Buf.Len(), ring.FrameAlign)
	}
	var short error
	if need > len(s.area) {
		short = e.grow(s, need)
	}
	for i := range results {
		r := &results[i]
		err := r.Err
		if err == nil && r.Buf.Len() > len(s.area)-at {
			err = short
		}
		entry := ring.Entry{Offset: uint32(at)}
		n := 0
		if err == nil {
			n = copy(s.area[at:], r.Bytes())
		} else {
			f := fault.From(err)
			entry.Code = uint32(codeOf(f))
			n = copy(s.area[at:], errorOf(f).AppendText(nil, maxFrameText))
			failed++
		}
		entry.Bytes = uint32(n)
		if err == nil && colors != nil {
			entry.Bytes, entry.Alpha = uint32(colors[i]), uint32(n-colors[i])
		}
		entry.Put(s.area, i)
		at = min(ring.Align(at+n, ring.FrameAlign), len(s.area))
	}
	return failed
}
