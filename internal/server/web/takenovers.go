package web

import (
	"context"
	"sync"
)

// takenOvers are the connections taken from net/http, which its Shutdown knows nothing of.
type takenOvers struct {
	mu   sync.Mutex
	open map[*takenOver]struct{}
	none chan struct{} // closed when the last one ends, nil when nobody waits
}

func (s *takenOvers) add(t *takenOver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*takenOver]struct{}{}
	}
	s.open[t] = struct{}{}
}

func (s *takenOvers) remove(t *takenOver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	if len(s.open) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// wait waits until there are none. When ctx ends first it closes their connections and waits on. It may be called once.
func (s *takenOvers) wait(ctx context.Context) {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return
	}
	none := make(chan struct{})
	s.none = none
	s.mu.Unlock()
	select {
	case <-none:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for t := range s.open {
		_ = t.conn.Close() // It is being thrown away.
	}
	s.mu.Unlock()
	<-none
}
