package stream

import (
	"slices"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// Image is one JPEG of a stream. The caller of a Viewer releases those that it gets.
type Image struct {
	Buf           pool.Buf  // the JPEG, shared by all holders of the image: read only
	Color         int       // bytes of the JPEG, where one of alpha is behind it in Buf; 0: it is all of Buf
	Size          int       // of Buf in bytes, also after Release; set by Publish
	Seq           uint64    // of the stream, from 1, one for each different image; set by Publish
	Captured      time.Time // when its frame came in, or the last frame that looked the same; set by Publish when zero
	Encoded       time.Time // when the image was made; set by Publish when zero
	Width, Height int       // 0 when unknown
	Offline       bool      // it stands for a lost source
	Repeat        bool      // this viewer was given it before

	viewer *Viewer // that was given it
	hold   *hold   // of the viewer
}

// JPEG returns the JPEG, Alpha the one of alpha, empty when there is none. They are borrowed until Release.
func (p *Image) JPEG() []byte {
	if p.Color == 0 {
		return p.Buf.Bytes()
	}
	return p.Buf.Bytes()[:p.Color]
}

// Alpha returns a gray JPEG of alpha.
func (p *Image) Alpha() []byte { return p.Buf.Bytes()[len(p.JPEG()):] }

// Release releases p's reference to the JPEG. p's other fields stay.
func (p *Image) Release() {
	if p.Buf.IsZero() {
		return
	}
	p.Buf.Release()
	p.Buf = pool.Buf{}
	if p.viewer != nil {
		p.viewer.drop(p.hold)
		p.viewer, p.hold = nil, nil
	}
}

// A stream is one newest image, its publisher and its viewers.
type stream struct {
	hub  *Hub
	name string

	// Hub.mu guards these.
	kept  bool   // never expires
	owner string // who last became its publisher, of images or sound

	mu        sync.Mutex
	ended     bool // expired, or the Hub is closed
	publisher *Publisher
	viewers   []*Viewer     // by ID. The slice is replaced and never changed, so that it can be walked without the lock
	idle      time.Duration // since when there is neither publisher nor viewer, if so

	sound *SoundPublisher // nil: there is none

	newest  Image  // zero when there is none to be shown
	pins    pins   // holders of it, and of older ones
	seq     uint64 // of the last image
	width   int    // of the source's last image, also after that was dropped
	height  int
	cadence cadence // of images, the same ones too

	state State
	since time.Duration // of the state
	seen  time.Duration // when the last frame came, or the stream was made
	retry time.Duration // no offline image before this

	route Route         // of a Guest; of others the Epoch alone
	age   time.Duration // of the newest image of a Guest, when it came

	source, format string
	why            string        // why the source is lost; empty while it is not
	again          time.Duration // when it is tried again
	arrivals       meter         // frames in
	departures     meter         // different images out
	counts         streamCounts
}

// streamCounts are the counts of frames in Info.
type streamCounts struct {
	arrived, published, same uint64
	dropped                  [numDropReasons]uint64
}

// newStream returns a stream that waits for its first frame.
func newStream(h *Hub, name string) *stream {
	now := h.now()
	return &stream{hub: h, name: name, idle: now, since: now, seen: now}
}

// lead makes p the stream's publisher. A delayed request does not replace a publisher that began after it.
func (s *stream) lead(p *Publisher, o PublisherOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.publisher; old != nil {
		if old.fixed {
			return ErrFixed
		}
		if p.guest && !old.guest || !old.guest && p.began.Before(old.began) {
			return ErrReplaced
		}
		old.finish(ErrReplaced)
	}
	s.publisher = p
	s.source, s.format, s.why = o.Source, o.Format, ""
	s.route, s.age = Route{Epoch: o.Epoch}, 0
	s.recount()
	return nil
}

// join adds a viewer.
func (s *stream) join(v *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers = append(slices.Clip(s.viewers), v) // clipped, so that it is a new slice
	v.passed = s.counts.published
	if !s.newest.Buf.IsZero() && !s.newest.Offline {
		v.passed-- // it will be given the newest image
	}
	if len(s.viewers) == 1 && s.publisher != nil {
		signal(s.publisher.wanted)
	}
}

// part removes a viewer.
func (s *stream) part(v *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	others := make([]*Viewer, 0, len(s.viewers)-1)
	for _, other := range s.viewers {
		if other != v {
			others = append(others, other)
		}
	}
	s.viewers = others
	s.rest()
}

// rest notes the time when the stream becomes idle: without publisher, sound and viewers. s.mu is held.
func (s *stream) rest() {
	if s.publisher == nil && s.sound == nil && len(s.viewers) == 0 {
		s.idle = s.hub.now()
	}
}

// idleSince returns whether the stream has neither publisher nor sound nor viewers, and since when.
func (s *stream) idleSince() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle, s.publisher == nil && s.sound == nil && len(s.viewers) == 0
}

// end ends the stream and tells its publisher and viewers.
func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	s.hub.o.Elsewhere.Changed()
	if s.publisher != nil {
		s.publisher.finish(ErrClosed)
		s.publisher = nil
	}
	sound := s.sound
	s.sound = nil
	s.replace(Image{})
	if sound != nil {
		sound.finish(ErrClosed)
	}
}

// enter sets the stream's state. s.mu is held; the caller wakes viewers.
func (s *stream) enter(state State, now time.Duration) {
	s.state, s.since = state, now
	s.hub.o.Elsewhere.Changed()
}

// alive notes that the source is online, and reports whether it was not before: then viewers must be woken. s.mu is held.
func (s *stream) alive(now time.Duration) bool {
	s.seen = now
	if s.state == Online {
		return false
	}
	s.enter(Online, now)
	return true
}

// replace takes p for the newest image, and numbers it, releases the one before, and wakes the viewers. The zero Image
// leaves none. The caller holds s.mu; replace unlocks it before the slow part.
func (s *stream) replace(p Image) {
	old := s.newest
	if !p.Buf.IsZero() {
		s.seq++
		p.Seq = s.seq
	}
	s.newest = p
	s.retire(int64(p.Buf.Cap()))
	late := s.overdue()
	viewers := s.viewers
	s.mu.Unlock()
	old.Release()
	wake(viewers)
	evict(late)
}

// wake wakes viewers. No lock is held: waking hundreds takes long, and each of them then takes the stream's.
func wake(viewers []*Viewer) {
	for _, v := range viewers {
		signal(v.wake)
	}
}

// signal leaves a token in c, whose capacity is 1, unless there is one already. Its receiver sees all that happened
// before.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// retryOffline is the time between two calls of Options.Offline for one stream after an error.
const retryOffline = time.Second

// watch takes silent streams offline and shows their viewers an image that says so. It changes the state of all of them
// first. Making the images may take long, so it continues with them in the next tick if needed. However many sources
// are lost together, each loss is noticed in time.
func (h *Hub) watch(streams []*stream) {
	begin := h.now()
	for _, s := range streams {
		s.darken(begin)
	}
	if h.o.Offline == nil {
		return
	}
	for _, s := range streams {
		if l, wanted := s.lost(h.now()); wanted {
			h.show(s, l)
		}
		if h.now()-begin >= tick {
			return
		}
	}
}

// show makes the offline image and shows it.
func (h *Hub) show(s *stream, l loss) {
	buf, err := h.o.Offline(s.name, l.width, l.height)
	if err == nil && buf.Len() == 0 {
		buf.Release()
		err = ErrEmpty
	}
	if err != nil {
		s.retryAt(h.now() + retryOffline)
		return
	}
	s.showLoss(buf, l)
}

// loss describes the stream whose source is lost.
type loss struct {
	width, height int           // of the last image
	seen          time.Duration // when the last frame came
}

// silent reports whether a stream has been silent for too long. s.mu is held.
func (s *stream) silent(now time.Duration) bool {
	patience := s.hub.o.OfflineAfter
	if s.publisher != nil {
		patience = max(patience, 3*s.arrivals.steady())
	}
	return !s.ended && now-s.seen >= patience
}

// darken takes a stream offline that has been silent for too long.
func (s *stream) darken(now time.Duration) {
	s.mu.Lock()
	if s.state != Online || !s.silent(now) {
		s.mu.Unlock()
		return
	}
	s.enter(Offline, now)
	viewers := s.viewers
	s.mu.Unlock()
	wake(viewers)
}

// lost reports whether an offline image is wanted.
func (s *stream) lost(now time.Duration) (l loss, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return loss{width: s.width, height: s.height, seen: s.seen}, !s.newest.Offline && now >= s.retry && s.silent(now)
}

// retryAt sets when the offline image is tried again, after one that could not be made.
func (s *stream) retryAt(t time.Duration) {
	s.mu.Lock()
	s.retry = t
	s.mu.Unlock()
}

// showLoss takes buf and makes it the newest image, unless a frame has come meanwhile.
func (s *stream) showLoss(buf pool.Buf, l loss) {
	now := time.Now()
	s.mu.Lock()
	if s.ended || s.seen != l.seen {
		s.mu.Unlock()
		buf.Release()
		return
	}
	s.replace(Image{Buf: buf, Size: buf.Len(), Captured: now, Encoded: now, Width: l.width, Height: l.height, Offline: true})
	s.hub.relieve()
}
