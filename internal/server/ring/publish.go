//go:build linux

package ring

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	statusEvery = time.Second
	// viewersEvery is how often the server looks whether the first viewer has come, or the last has gone.
	viewersEvery = statusEvery / 5
)

// publishing is a connection that feeds a live stream. Its goroutine hands frames to the stream; another sends statuses. Slots come
// back from either, and from the encoder worker.
type publishing struct {
	*connection
	name      string
	desc      frame.Desc // of the frames; zero for JPEGs
	jpegs     bool
	images    *ingest.SceneImages // of a scene; nil: there is none
	publisher *live.Publisher
	before    stream.Info // what was counted of the stream before

	closing  atomic.Bool // whether the client has ended it
	complete atomic.Bool // whether all that it sent before has been dealt with

	owning sync.Mutex // guards who has the slots
}

// publish serves a connection for publishing. The error is as of run.
func (c *connection) publish(h ring.Hello) error {
	began := time.Now()
	if err := c.engine.Open(engine.Publish, c.id.Owner()); err != nil {
		return err
	}
	defer c.engine.Done(engine.Publish, c.id.Owner())
	h.Spec.Scene = c.live.SceneOf(h.Stream, h.Spec.Scene)
	ofScene := h.Spec.Scene != ""
	p := &publishing{connection: c, name: h.Stream, desc: h.Spec.Input, jpegs: h.Spec.Input == frame.Desc{} && !ofScene}
	settings := live.Settings{Source: "ring " + c.peer, Spec: h.Spec, FPS: h.FPS, Began: began, JPEG: p.jpegs}
	bytes, err := 0, error(nil)
	switch {
	case p.jpegs:
		bytes = h.JPEGBytes
	case p.desc != frame.Desc{}:
		bytes, err = p.desc.Size()
	}
	if err != nil {
		return fault.From(err)
	}
	if most := int(min(c.engine.Config.Limits.MaxMessageBytes, pool.MaxSize)); bytes > most {
		return fault.LimitOf("limits.max_message_bytes", int64(bytes), int64(most), "ring: the frames are too large")
	}
	layout := newLayout
	if ofScene {
		layout, p.images = sceneLayout, ingest.NewSceneImages(h.Slots)
	}
	l, err := layout(h.Slots, h.Batch, bytes, 0)
	if err != nil {
		return err
	}
	settings.Lent = &live.Lent{Bytes: bytesOf(l), Open: func() error { return c.openAdmitted(l) }, Close: c.memory.close}
	if p.publisher, err = c.live.Publish(auth.With(c.ctx, c.id), h.Stream, settings); err != nil {
		return err
	}
	defer p.publisher.Close() // After it no slot is lent, and there is no memory of slots.
	if err := c.makeSlots(p.desc, false); err != nil {
		return err
	}
	for i := range c.slots {
		s := &c.slots[i]
		s.back = func() { p.giveBack(s) }
	}
	p.before, _ = c.live.Hub.Info(h.Stream)
	var m ring.Message
	l.Set(&m)
	if err := c.send(m[:], c.descriptors()...); err != nil {
		return err
	}
	ended := make(chan struct{})
	var statuses sync.WaitGroup
	statuses.Go(func() { p.sendStatuses(ended) })
	defer statuses.Wait()
	defer close(ended)
	if err = p.receive(); err == errEnded {
		p.closing.Store(true)
		p.publisher.Close() // The newest frame is still encoded, if somebody watches.
		p.complete.Store(true)
	}
	return err
}

// receive hands frames on until the connection ends.
func (p *publishing) receive() error {
	for {
		p.enter(reading)
		m, err := p.next(true)
		if err != nil {
			return err
		}
		switch m.Kind() {
		case ring.KindPing:
			if err := p.ping(); err != nil {
				return err
			}
		case ring.KindSubmit:
			if err := p.take(ring.ParseSubmit(m)); err != nil {
				return err
			}
		default:
			return wrongKind(m, "SUBMIT or PING")
		}
	}
}

// take hands on what was submitted.
func (p *publishing) take(submit ring.Submit) error {
	if p.images != nil {
		if err := p.checkImage(&submit); err != nil {
			return err
		}
		if most := p.publisher.Places(); int64(submit.Frames) > int64(most) {
			return fault.Errorf(fault.Invalid, "an image has too many regions: got %d, want at most %d, as the scene has places", submit.Frames, most)
		}
	}
	switch {
	case p.images != nil:
	case submit.Frames != 1:
		return fault.Errorf(fault.Invalid, "ring: got %d frames, want 1", submit.Frames)
	case p.jpegs && (submit.Bytes < 1 || int64(submit.Bytes) > int64(p.layout.FrameBytes)):
		return fault.Errorf(fault.Invalid, "ring: got a JPEG of %d bytes, want 1..%d", submit.Bytes, p.layout.FrameBytes)
	case !p.jpegs && submit.Bytes != 0:
		return fault.Errorf(fault.Invalid, "ring: got %d bytes, which are for JPEGs, want 0", submit.Bytes)
	}
	p.owning.Lock()
	s, err := p.claim(submit.Slot, submit.Generation, false)
	if err == nil {
		s.ours = true
	}
	p.owning.Unlock()
	if err != nil {
		return err
	}
	captured := live.CapturedOr(submit.CapturedUS, time.Now())
	switch {
	case p.images != nil:
		return p.publisher.LendImage(p.image(s, &submit), captured, s.back)
	case !p.jpegs:
		return p.publisher.Lend(s.frames[0], captured, s.back)
	}
	defer p.giveBack(s)
	return p.takeJPEG(s.pixels[:submit.Bytes], captured)
}

// image returns the image that was submitted in s, whose regions stay there.
func (p *publishing) image(s *slot, submit *ring.Submit) *ingest.SceneImage {
	index := live.NextIndex
	if submit.Flags&ring.FlagIndex != 0 {
		index = int(submit.Index)
	}
	m := p.images.Get(index)
	for i := range int(submit.Frames) {
		m.Add(p.region(s, submit, i))
	}
	return m
}

// takeJPEG hands on a copy of a JPEG: it will be parsed, and its holder could change it meanwhile.
func (p *publishing) takeJPEG(data []byte, captured time.Time) error {
	p.enter(working)
	if p.publisher.Admit(len(data)) != nil {
		return p.publisher.Lost(stream.NoMemory)
	}
	buf, err := p.engine.Pool.Get(len(data))
	switch {
	case errors.Is(err, pool.ErrBudget):
		return p.publisher.Lost(stream.NoMemory)
	case err != nil:
		return fault.From(err)
	}
	copy(buf.Bytes(), data)
	return p.publisher.JPEG(buf, captured)
}

// giveBack gives a slot to the client. It may be called from any goroutine, and does not wait.
func (p *publishing) giveBack(s *slot) {
	p.owning.Lock()
	defer p.owning.Unlock()
	s.generation++
	s.ours = false
	d := ring.Done{Slot: s.index, Generation: s.generation, Frames: 1}
	d.Set(&s.reply)
	_ = p.send(s.reply[:]) // An error has ended the connection.
}

// sendStatuses sends statuses until ended is closed, and ends the connection when the publisher has ended.
func (p *publishing) sendStatuses(ended <-chan struct{}) {
	tick := time.NewTicker(viewersEvery)
	defer tick.Stop()
	gone := p.publisher.Done()
	var message []byte
	var sent time.Time
	var arrived uint64
	watched := false
	for first := true; ; first = false {
		count, _, _ := p.publisher.Counts()
		now := time.Now()
		if due := now.Sub(sent) >= statusEvery && count != arrived; first || due || p.publisher.Watched() != watched {
			status, dropped := p.status()
			sent, arrived, watched = now, count, status.Viewers > 0
			message = ring.AppendStatus(message[:0], &status, dropped)
			if p.send(message) != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			status, dropped := p.status()
			if p.complete.Load() {
				status.Flags = ring.FlagLast
			}
			_ = p.send(ring.AppendStatus(message[:0], &status, dropped)) // The client may have gone.
			return
		case <-gone:
			if !p.closing.Load() {
				p.end(p.publisher.Err())
				return
			}
			gone = nil // ended follows.
		}
	}
}

// status returns what has become of the frames so far, and why some were dropped.
func (p *publishing) status() (s ring.Status, dropped [5]uint64) {
	info, ok := p.live.Hub.Info(p.name)
	if !ok { // It has been forgotten already.
		info = p.before
	}
	s = ring.Status{
		Viewers:   uint32(min(len(info.Viewers), math.MaxInt32)),
		Arrived:   info.Arrived - p.before.Arrived,
		Published: info.Published - p.before.Published,
		Same:      info.Same - p.before.Same,
		FPSOut:    info.FPSOut,
	}
	for i := range info.Dropped {
		dropped[i] = info.Dropped[i] - p.before.Dropped[i]
		s.Dropped += dropped[i]
	}
	return s, dropped
}

// checkRate refuses a rate that is none.
func checkRate(fps float64) error {
	if fps >= 0 && !math.IsInf(fps, 1) {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Field: "fps", Reason: fmt.Sprintf("ring: got fps %v, want images a second, or 0", fps)}
}
