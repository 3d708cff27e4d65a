package stream

import (
	"context"
	"math"
	"sync"
	"time"
)

// ViewerOptions say who views, and how.
type ViewerOptions struct {
	Transport string  // "mjpeg", "websocket", "grpc", "snapshot": what Totals are told by
	Peer      string  // for people
	MaxFPS    float64 // pictures a second at most, evenly spaced; 0: all
	// Late is for clients that show a picture only when the next one begins to come, as Chromium does with multipart: a still
	// picture is repeated 5 times a second in the first second, and once as soon as motion has ended. Every viewer gets a
	// repeat of a still picture once a second.
	Late bool
	// Wake is for viewers that share a connection: a channel of capacity 1 that receives when one of them may have something
	// to be given. Who receives from it polls them all; Next would take the others' tokens. nil: a channel of its own.
	Wake chan struct{}
}

// A Viewer is given the pictures of a stream. Next and Poll are for one goroutine at a time, the other methods for any.
type Viewer struct {
	s         *stream
	transport *transport
	id        uint64
	peer      string
	since     time.Duration
	late      bool
	wake      chan struct{}
	timer     *time.Timer // of Next alone, which makes it when it waits for the first time

	mu     sync.Mutex
	closed bool
	seq    uint64        // of the picture it was given last; 0: none yet
	first  time.Duration // when it was given that for the first time
	given  time.Duration // and for the last
	pace   pace
	passed uint64 // of the stream's published pictures: those that it was given, or will never be
	counts viewerCounts
	lag    time.Duration
	rate   meter // of Delivered

	holds   []*hold       // pictures that it has not released; stream.mu guards it and what follows
	evicted bool          // it held one for too long
	onEvict func()        // nil: nothing is to be done
	gone    chan struct{} // closed when it is evicted
}

// viewerCounts only grow.
type viewerCounts struct{ delivered, dropped, bytes uint64 }

func (c *viewerCounts) add(d viewerCounts) {
	c.delivered += d.delivered
	c.dropped += d.dropped
	c.bytes += d.bytes
}

func newViewer(id uint64, s *stream, t *transport, o ViewerOptions) *Viewer {
	v := &Viewer{s: s, transport: t, id: id, peer: o.Peer, since: s.hub.now(), late: o.Late, wake: o.Wake, pace: paceOf(o.MaxFPS), gone: make(chan struct{})}
	if v.wake == nil {
		v.wake = make(chan struct{}, 1)
	}
	return v
}

// Next waits for a picture that is due: a newer one than it has returned before, or that one again as a repeat. The caller
// releases it. Next returns context.Cause(ctx) when ctx ends, ErrClosed after Close or when the Hub is closed, also from
// another goroutine while it waits, and ErrEvicted. It allocates nothing.
func (v *Viewer) Next(ctx context.Context) (Picture, error) {
	for {
		if ctx.Err() != nil {
			return Picture{}, context.Cause(ctx)
		}
		p, ok, wait, err := v.Poll()
		if ok || err != nil {
			return p, err
		}
		if v.timer == nil {
			v.timer = time.NewTimer(wait)
		} else {
			v.timer.Reset(wait)
		}
		select {
		case <-v.wake:
		case <-v.timer.C:
		case <-ctx.Done():
		}
		v.timer.Stop()
	}
}

// Poll is Next without waiting: ok says whether a picture is due, which the caller releases. If not, nothing will be within
// wait unless Wake receives. The error is ErrClosed or ErrEvicted.
func (v *Viewer) Poll() (p Picture, ok bool, wait time.Duration, err error) {
	s, now := v.s, v.s.hub.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case v.evicted:
		return Picture{}, false, 0, ErrEvicted
	case v.closed || s.ended:
		return Picture{}, false, 0, ErrClosed
	}
	if s.newest.Buf.IsZero() {
		return Picture{}, false, never, nil
	}
	due, repeat := v.pace.slot, s.newest.Seq == v.seq
	if repeat {
		due = max(due, repeatDue(v.late, v.first, v.given, s.cadence.frame()))
	}
	if due > now {
		if !repeat {
			v.passed = s.settled() // what its own pace passes over is not dropped
		}
		return Picture{}, false, due - now, nil
	}
	p = s.newest
	p.Buf, p.Repeat = s.newest.Buf.Retain(), repeat
	p.viewer, p.hold = v, s.holdNewest(v)
	if !repeat {
		v.counts.dropped += v.missed(s.settled())
		v.passed = s.counts.published
		v.seq, v.first = p.Seq, now
	}
	v.given = now
	v.pace.take(now)
	return p, true, 0, nil
}

// settled returns how many of the published pictures nobody is going to be given any more. s.mu is held.
func (s *stream) settled() uint64 {
	if s.newest.Offline || s.newest.Buf.IsZero() {
		return s.counts.published
	}
	return s.counts.published - 1
}

// missed returns how many of settled pictures v was not given, though it would have been in time for them. v.mu is held.
func (v *Viewer) missed(settled uint64) uint64 {
	if settled <= v.passed {
		return 0
	}
	return settled - v.passed
}

// Wake returns the channel that receives, with capacity 1, when there may be something to be given: a new picture, another
// state of the stream, or its end. It may also receive for nothing.
func (v *Viewer) Wake() <-chan struct{} { return v.wake }

// State returns the state of the stream, at the cost of a lock.
func (v *Viewer) State() State {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.s.state
}

// Delivered counts p as taken by the client, now. p may be released already: a client that acknowledges pictures does so
// long after they were written. It allocates nothing.
func (v *Viewer) Delivered(p *Picture) {
	h := v.s.hub
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	now := h.now()
	v.counts.delivered++
	v.counts.bytes += uint64(p.Size)
	v.rate.add(now)
	if !p.Repeat && !p.Offline {
		v.lag = h.epoch.Add(now).Sub(p.Captured)
		if h.o.Lag != nil {
			h.o.Lag(v.lag)
		}
	}
}

// Close ends the viewer; a second Close does nothing. Pictures that it was given are still the caller's to release.
func (v *Viewer) Close() {
	v.s.hub.leave(v)
	signal(v.wake)
}

// end closes v, and returns its last counts, unless it was closed already.
func (v *Viewer) end() (last viewerCounts, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return viewerCounts{}, false
	}
	v.closed = true
	v.s.mu.Lock()
	settled := v.s.settled()
	v.s.mu.Unlock()
	return v.countsAt(settled), true
}

// countsAt returns v's counts, with the pictures that it has missed since it was given one. v.mu is held.
func (v *Viewer) countsAt(settled uint64) viewerCounts {
	c := v.counts
	if v.pace.spacing == 0 { // of others it is not known before their slot who missed the picture, they or their pace
		c.dropped += v.missed(settled)
	}
	return c
}

const (
	// quick and slow are the times between two repeats of a still picture, those of Late viewers in the first second, and all
	// others. What is promised is 5 a second and 1 a second; a tenth is for what clocks and schedulers take.
	quick = 180 * time.Millisecond
	slow  = 900 * time.Millisecond
	// soonest is the least time to any repeat, for streams whose pictures come in bursts.
	soonest = 10 * time.Millisecond
	// never is how long a viewer waits when nothing but its Wake can end the wait.
	never = time.Duration(math.MaxInt64)
)

// repeatDue returns when a viewer is to be given a picture again that it was given at first, and last at given. frame is the
// time between the stream's pictures, 0 when it isn't known.
//
// A Late viewer's client shows what it has when more comes. It waits most after motion: so the first repeat comes half a
// frame time after the next picture should have come, and not before it when that one is merely late.
func repeatDue(late bool, first, given, frame time.Duration) time.Duration {
	afterMotion := max(frame+frame/2, soonest)
	switch {
	case !late:
		return given + slow
	case given == first && frame > 0 && afterMotion < quick:
		return first + afterMotion
	case given+quick <= first+time.Second:
		return given + quick
	}
	return given + slow
}

// A pace gives slots in time to a viewer that wants so many pictures a second at most. The zero pace is always ready.
type pace struct {
	spacing time.Duration
	slot    time.Duration // no picture before this; 0: there was none yet
}

// paceOf returns the pace of so many pictures a second; 0, and what is no number, stand for any.
func paceOf(fps float64) pace {
	if !(fps > 0) || math.IsInf(fps, 1) {
		return pace{}
	}
	return pace{spacing: time.Duration(min(float64(time.Second)/fps, float64(time.Hour)))}
}

// take uses the slot. The next one is a spacing later, so that slots are even though pictures come late in them; but a slot
// that was missed altogether is not made up for.
func (p *pace) take(now time.Duration) {
	if p.slot == 0 || now-p.slot >= p.spacing {
		p.slot = now
	}
	p.slot += p.spacing
}
