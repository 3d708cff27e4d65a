package stream

import (
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// retryOffline is how long Options.Offline has peace after an error.
const retryOffline = time.Second

// watch makes s offline when it has been silent for long enough, and shows its viewers so.
func (h *Hub) watch(s *stream) {
	loss, ok := s.darken(h.now())
	if !ok || h.o.Offline == nil {
		return
	}
	buf, err := h.o.Offline(s.name, loss.width, loss.height)
	if err == nil && buf.Len() == 0 {
		buf.Release()
		err = ErrEmpty
	}
	if err != nil {
		s.retryAt(h.now() + retryOffline)
		return
	}
	s.showLoss(buf, loss)
}

// loss is what was lost with a stream's source.
type loss struct {
	width, height int           // of the last picture
	seen          time.Duration // when the last frame came
}

// darken makes a stream that has been silent for too long offline. It reports whether a picture that says so is wanted.
func (s *stream) darken(now time.Duration) (l loss, wanted bool) {
	s.mu.Lock()
	patience := s.hub.o.OfflineAfter
	if s.publisher != nil {
		patience = max(patience, 3*s.arrivals.steady())
	}
	if s.ended || now-s.seen < patience {
		s.mu.Unlock()
		return loss{}, false
	}
	l = loss{width: s.width, height: s.height, seen: s.seen}
	wanted = !s.newest.Offline && now >= s.retry
	lost := s.state == Online
	if lost {
		s.enter(Offline, now)
	}
	viewers := s.viewers
	s.mu.Unlock()
	if lost {
		wake(viewers)
	}
	return l, wanted
}

// retryAt sets when a picture of the loss is wanted next, after one that could not be made.
func (s *stream) retryAt(t time.Duration) {
	s.mu.Lock()
	s.retry = t
	s.mu.Unlock()
}

// showLoss takes buf and shows it in the place of the newest picture, unless a frame has come meanwhile.
func (s *stream) showLoss(buf pool.Buf, l loss) {
	now := time.Now()
	s.mu.Lock()
	if s.ended || s.seen != l.seen {
		s.mu.Unlock()
		buf.Release()
		return
	}
	s.replace(Picture{Buf: buf, Size: buf.Len(), Captured: now, Encoded: now, Width: l.width, Height: l.height, Offline: true})
}
