//go:build linux

package ring

import (
	"time"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
)

// encoding is a connection that gives frames and gets images.
type encoding struct {
	*connection
	plan    *engine.Plan
	batch   pipeline.Batch // of the frames of all slots in submitted
	history pipeline.History
	most    int     // frames in a batch
	slots   []*slot // submitted, in order
	frames  int     // of them
	replies []byte  // what is still to be sent; see flush
}

// mostHeld is the most bytes of replies that are held for those that follow.
const mostHeld = ring.MaxSlots * ring.Size

// encode serves a connection for encoding. The error is as of run.
func (c *connection) encode(h ring.Hello) error {
	if err := c.checkBatch(h.Batch); err != nil {
		return err
	}
	if h.Spec.Scene != "" {
		return &fault.Error{Kind: fault.Unsupported, Field: "scene", Reason: "scene: got one, want none: the ring has no images of scenes"}
	}
	plan, err := c.engine.Plan(h.Spec)
	if err != nil {
		return err
	}
	if err := c.engine.Open(engine.Encode); err != nil {
		return err
	}
	defer c.engine.Done(engine.Encode)
	l, err := newLayout(h.Slots, h.Batch, plan.FrameBytes(), plan.ImageBytes())
	if err != nil {
		return err
	}
	l.Width, l.Height = plan.OutputSize()
	e := &encoding{connection: c, plan: plan, most: max(h.Batch, c.engine.Workers())}
	// Beside the slots, the pool's buffers that images are in before they are copied.
	if err := c.memory.open(c.ctx, l, plan.Cost(0, e.most)); err != nil {
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
		if submit.Frames < 1 || submit.Frames > uint32(e.layout.Batch) {
			return fault.Errorf(fault.Invalid, "ring: got %d frames, want 1..%d", submit.Frames, e.layout.Batch)
		}
		if e.frames > 0 && e.frames+int(submit.Frames) > e.most {
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
		e.frames += int(submit.Frames)
	}
}

// serve encodes what was collected and sends the images.
func (e *encoding) serve() error {
	e.batch.In = e.batch.In[:0]
	for _, s := range e.slots {
		e.batch.In = append(e.batch.In, s.frames[:s.submitted.Frames]...)
	}
	begin := time.Now()
	timing, err := e.engine.Run(e.ctx, e.plan, &e.batch, true)
	if e.ctx.Err() != nil {
		return fault.From(err)
	}
	e.engine.Metrics.Served(timing.Queue + timing.Run)
	results := e.batch.Out
	for _, s := range e.slots {
		s.generation++
		s.ours = false
		d := ring.Done{Slot: s.index, Generation: s.generation, Frames: s.submitted.Frames, Tag: s.submitted.Tag}
		if err != nil {
			e.fail(&d, fault.From(err))
			continue
		}
		d.Failed = e.deliver(s, results[:s.submitted.Frames])
		results = results[s.submitted.Frames:]
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

// deliver copies the results into the area of s, and returns how many of them are errors.
func (e *encoding) deliver(s *slot, results []pipeline.Result) (failed uint32) {
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
		entry.Put(s.area, i)
		at = min(ring.Align(at+n, ring.FrameAlign), len(s.area))
	}
	return failed
}
