package stream

import (
	"context"
	"slices"
	"time"
)

// tick is how often Run looks at the streams: what it does comes so much later at most, but for the time that
// Options.Offline takes once.
const tick = 100 * time.Millisecond

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
		h.watch(streams)
		clear(streams) // so that what is forgotten now can be collected
		h.forget()
	}
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
