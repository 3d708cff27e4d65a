package stream

import (
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// retryOffline is how long Options.Offline has peace after an error.
const retryOffline = time.Second

// watch makes those streams offline that have been silent for long enough, and shows their viewers so. It looks at all of
// them before it has pictures made, which may take long, and goes on with those in the next tick if need be: however many
// are lost together, the loss of one more is noticed in time.
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

// show has the picture of a loss made and shows it.
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

// loss is what was lost with a stream's source.
type loss struct {
	width, height int           // of the last picture
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

// darken makes a stream that has been silent for too long offline.
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

// lost reports whether a picture is wanted that says that the source is lost.
func (s *stream) lost(now time.Duration) (l loss, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return loss{width: s.width, height: s.height, seen: s.seen}, !s.newest.Offline && now >= s.retry && s.silent(now)
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
