package stream

import (
	"slices"
	"sync"
	"time"
)

// A stream is one newest picture, who makes it, and who watches it.
type stream struct {
	hub  *Hub
	name string
	kept bool // never forgotten; Hub.mu guards it

	mu        sync.Mutex
	ended     bool // forgotten, or the Hub is closed
	publisher *Publisher
	viewers   []*Viewer     // by ID. The slice is replaced and never changed, so that it can be walked without the lock
	idle      time.Duration // since when there is neither publisher nor viewer, if so

	newest  Picture // zero when there is none to be shown
	seq     uint64  // of the last picture
	width   int     // of the last picture of the source, also when it is not there any more
	height  int
	cadence cadence // of pictures, the same ones too

	state State
	since time.Duration // of the state
	seen  time.Duration // when the last frame came, or the stream was made
	retry time.Duration // no offline picture before this

	source, format string
	arrivals       meter // frames in
	departures     meter // different pictures out
	counts         streamCounts
}

// streamCounts is what Info tells of a stream's frames.
type streamCounts struct {
	arrived, published, same uint64
	dropped                  [numDropReasons]uint64
}

// newStream returns a stream that waits for its first frame.
func newStream(h *Hub, name string) *stream {
	now := h.now()
	return &stream{hub: h, name: name, idle: now, since: now, seen: now}
}

// lead makes p the stream's publisher. What was held up on its way here must not end one that began after it.
func (s *stream) lead(p *Publisher, o PublisherOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.publisher; old != nil {
		if old.fixed {
			return ErrFixed
		}
		if p.began.Before(old.began) {
			return ErrReplaced
		}
		old.finish(ErrReplaced)
	}
	s.publisher = p
	s.source, s.format = o.Source, o.Format
	return nil
}

// join adds a viewer.
func (s *stream) join(v *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers = append(slices.Clip(s.viewers), v) // clipped: to a new slice
	v.passed = s.counts.published
	if !s.newest.Buf.IsZero() && !s.newest.Offline {
		v.passed-- // the newest picture awaits it
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

// rest notes since when nobody has fed or watched the stream. s.mu is held.
func (s *stream) rest() {
	if s.publisher == nil && len(s.viewers) == 0 {
		s.idle = s.hub.now()
	}
}

// idleSince returns since when nobody has fed or watched the stream, and whether that is so.
func (s *stream) idleSince() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle, s.publisher == nil && len(s.viewers) == 0
}

// end ends the stream: publisher and viewers are told so.
func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	if s.publisher != nil {
		s.publisher.finish(ErrClosed)
		s.publisher = nil
	}
	s.replace(Picture{})
}

// enter makes state the stream's. s.mu is held; viewers are to be woken.
func (s *stream) enter(state State, now time.Duration) { s.state, s.since = state, now }

// alive notes that the source lives, and reports whether that is news. s.mu is held; viewers are to be woken if so.
func (s *stream) alive(now time.Duration) bool {
	s.seen = now
	if s.state == Online {
		return false
	}
	s.enter(Online, now)
	return true
}

// replace takes p for the newest picture, and numbers it, releases the one before, and wakes the viewers. The zero Picture
// leaves none. s.mu is held by the caller, and unlocked by replace: what may take long is done after that.
func (s *stream) replace(p Picture) {
	old := s.newest
	if !p.Buf.IsZero() {
		s.seq++
		p.Seq = s.seq
	}
	s.newest = p
	viewers := s.viewers
	s.mu.Unlock()
	old.Release()
	wake(viewers)
}

// wake makes each viewer look again. No lock is held: waking hundreds takes long, and each of them wants the stream's.
func wake(viewers []*Viewer) {
	for _, v := range viewers {
		signal(v.wake)
	}
}

// signal leaves a token in c, whose capacity is 1, unless there is one: who takes it finds all that happened before.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
