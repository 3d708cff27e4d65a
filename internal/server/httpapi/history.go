package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// historyEvery and historyLen are how often statistics are kept, and how many: those of the last five minutes, as the page
// shows them, in some 100 kB of memory.
const (
	historyEvery = 5 * time.Second
	historyLen   = 60
)

// history is the statistics of the last minutes, without the pool's classes.
type history struct {
	mu   sync.Mutex
	kept []statistics // oldest first
}

// Record keeps statistics, for pages that are opened later, until ctx ends.
func (h *Handler) Record(ctx context.Context) {
	tick := time.NewTicker(historyEvery)
	defer tick.Stop()
	for {
		h.history.add(h.statistics())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *history) add(s statistics) {
	s.Pool.Classes = []classCount{}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) >= historyLen {
		h.kept = slices.Delete(h.kept, 0, len(h.kept)-historyLen+1)
	}
	h.kept = append(h.kept, s)
}

func (h *history) samples() []statistics {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.kept)
}
