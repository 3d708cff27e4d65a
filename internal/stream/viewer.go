package stream

import (
	"context"
	"math"
	"sync"
	"time"
)

// ViewerOptions describe a viewer.
type ViewerOptions struct {
	Transport string  // "mjpeg", "websocket", "grpc", "snapshot": groups the Totals
	Peer      string  // for display
	Owner     string  // whose places it takes, for Options.MaxViewersPerOwner; may be empty
	MaxFPS    float64 // images a second at most, evenly spaced; 0: all
	// Late is for clients that show an image only when the next one begins to arrive, as Chromium does with multipart: a
	// still image is repeated 5 times a second in its first second, and once right after motion has ended. Other viewers get
	// a still image again once a second.
	Late bool
	// Wake is for viewers that share a connection: a channel of capacity 1 that receives when an image may be due for one
	// of them. Its reader calls Poll of all of them, and never Next, which would consume the others' tokens. nil: a
	// channel of its own.
	Wake chan struct{}
}

// A Viewer receives the images of a stream. Next and Poll are for one goroutine at a time, the other methods for any.
type Viewer struct {
	s         *stream
	transport *transport
	id        uint64
	peer      string
	owner     string
	since     time.Duration
	late      bool
	wake      chan struct{}
	timer     *time.Timer // of Next alone, which makes it when it waits for the first time

	mu     sync.Mutex
	closed bool
	seq    uint64        // of the image it was given last; 0: none yet
	first  time.Duration // when it was given that for the first time
	given  time.Duration // and for the last
	pace   pace
	passed uint64 // of the stream's published images: those that it was given, or will never be given
	counts viewerCounts
	lag    time.Duration
	rate   meter // of Delivered

	holds     []*hold       // images that it has not released; stream.mu guards it and what follows
	evicted   bool          // it held old images for too long
	onEvict   func()        // nil: none
	evictedCh chan struct{} // closed when it is evicted
}

// viewerCounts only grow.
type viewerCounts struct{ delivered, dropped, bytes uint64 }

func (c *viewerCounts) add(d viewerCounts) {
	c.delivered += d.delivered
	c.dropped += d.dropped
	c.bytes += d.bytes
}

func newViewer(id uint64, s *stream, t *transport, o ViewerOptions) *Viewer {
	v := &Viewer{s: s, transport: t, id: id, peer: o.Peer, owner: o.Owner, since: s.hub.now(), late: o.Late, wake: o.Wake, pace: paceOf(o.MaxFPS), evictedCh: make(chan struct{})}
	if v.wake == nil {
		v.wake = make(chan struct{}, 1)
	}
	return v
}

// Next waits for an image that is due: a newer one than it has returned before, or that one again as a repeat. The caller
// releases it. Next returns context.Cause(ctx) when ctx ends, ErrClosed after Close or when the Hub is closed, also from
// another goroutine while it waits, and ErrEvicted. It allocates nothing.
func (v *Viewer) Next(ctx context.Context) (Image, error) {
	for {
		if ctx.Err() != nil {
			return Image{}, context.Cause(ctx)
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

// Poll is Next without waiting. If ok, p is due, and the caller releases it. Otherwise no image becomes due within wait unless
// Wake receives. The error is ErrClosed or ErrEvicted.
func (v *Viewer) Poll() (p Image, ok bool, wait time.Duration, err error) {
	s, now := v.s, v.s.hub.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case v.evicted:
		return Image{}, false, 0, ErrEvicted
	case v.closed || s.ended:
		return Image{}, false, 0, ErrClosed
	}
	if s.newest.Buf.IsZero() {
		return Image{}, false, never, nil
	}
	due, repeat := v.pace.slot, s.newest.Seq == v.seq
	if repeat {
		due = max(due, repeatDue(v.late, v.first, v.given, s.cadence.frame()))
	}
	if due > now {
		if !repeat {
			v.passed = s.settled() // images that its own pace skips are not counted as dropped
		}
		return Image{}, false, due - now, nil
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

// settled returns how many of the published images no viewer will get any more. s.mu is held.
func (s *stream) settled() uint64 {
	if s.newest.Offline || s.newest.Buf.IsZero() {
		return s.counts.published
	}
	return s.counts.published - 1
}

// missed returns how many of the settled images v did not get, of those since it joined. v.mu is held.
func (v *Viewer) missed(settled uint64) uint64 {
	if settled <= v.passed {
		return 0
	}
	return settled - v.passed
}

// Wake returns a channel of capacity 1 that receives when there may be news: an image, another state of the stream, or its
// end. It may also receive without any.
func (v *Viewer) Wake() <-chan struct{} { return v.wake }

// State returns the state of the stream, at the cost of a lock.
func (v *Viewer) State() State {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.s.state
}

// Delivered counts p as received by the client now. p may be released already, since acknowledgements come long after the
// write. It allocates nothing.
func (v *Viewer) Delivered(p *Image) {
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

// Close ends the viewer; a second Close does nothing. The caller still releases the images that it holds.
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

// countsAt returns v's counts, with the images that it has missed since it was given one. v.mu is held.
func (v *Viewer) countsAt(settled uint64) viewerCounts {
	c := v.counts
	if v.pace.spacing == 0 { // with a pace it is not known before the next slot whether the viewer missed the image or the pace skipped it
		c.dropped += v.missed(settled)
	}
	return c
}

const (
	// quick and slow are the times between two repeats of a still image: for Late viewers in the first second, and
	// otherwise. 5 a second and 1 a second are promised; a tenth is the margin for clocks and schedulers.
	quick = 180 * time.Millisecond
	slow  = 900 * time.Millisecond
	// soonest is the least time to any repeat, for streams whose images come in bursts.
	soonest = 10 * time.Millisecond
	// never is how long a viewer waits when only its Wake can end the wait.
	never = time.Duration(math.MaxInt64)
)

// repeatDue returns when a viewer is to be given an image again that it was first given at first, and last at given.
// frame is the time between the stream's images, 0 when unknown.
//
// A Late viewer's client shows an image when the next one begins. That matters most when motion ends: the first repeat comes
// half a frame time after the next image was due, so that an image that is merely late still comes first.
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

// A pace gives slots in time to a viewer with a cap on its images a second. The zero pace is always ready.
type pace struct {
	spacing time.Duration
	slot    time.Duration // no image before this; 0: there was none yet
}

// paceOf returns the pace of fps images a second. 0, NaN and infinity mean no limit.
func paceOf(fps float64) pace {
	if !(fps > 0) || math.IsInf(fps, 1) {
		return pace{}
	}
	return pace{spacing: time.Duration(min(float64(time.Second)/fps, float64(time.Hour)))}
}

// take uses the slot. The next one is a spacing later, so that slots are even though images come late in them; but a slot
// that was missed altogether is not made up for.
func (p *pace) take(now time.Duration) {
	if p.slot == 0 || now-p.slot >= p.spacing {
		p.slot = now
	}
	p.slot += p.spacing
}
