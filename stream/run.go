package stream

import (
	"context"
	"slices"
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

const (
	// tick is how often Run looks at the streams: what it does comes so much later at most.
	tick = 100 * time.Millisecond
	// retryOffline is how long Options.Offline has peace after an error.
	retryOffline = time.Second
)

// Run watches over silent and forgotten streams until ctx ends. Then it closes the Hub: the calls of viewers and publishers
// return ErrClosed, and all pictures are released but those that viewers hold. It returns when that is done.
func (h *Hub) Run(ctx context.Context) {
	defer h.close()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var streams []*stream // used again from tick to tick
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h.mu.RLock()
		streams = append(streams[:0], h.streams...)
		h.mu.RUnlock()
		for _, s := range streams {
			h.watch(s)
		}
		clear(streams) // so that what is forgotten now can be collected
		h.forget()
	}
}

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

// forget drops the streams that nobody has fed or watched for Options.Keep.
func (h *Hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.now() - h.o.Keep
	h.streams = slices.DeleteFunc(h.streams, func(s *stream) bool {
		since, idle := s.idleSince()
		if !idle || s.kept || since > before {
			return false
		}
		s.end()
		return true
	})
}

// close ends all streams. Viewers are still counted until they close.
func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.streams {
		s.end()
	}
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
