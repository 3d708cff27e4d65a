package watch

import (
	"context"
	"sync"
	"time"
)

// conns are the connections taken from net/http.
type conns struct {
	mu   sync.Mutex
	open map[*conn]struct{}
	none chan struct{} // closed when the last one ends, nil when nobody waits
}

func (s *conns) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*conn]struct{}{}
	}
	s.open[c] = struct{}{}
}

func (s *conns) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if len(s.open) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// wait waits until there are none. Writes that hang when it is called get drainPatience. When ctx ends it closes the
// connections that are left and waits on. It is for one goroutine at a time.
func (s *conns) wait(ctx context.Context) {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return
	}
	none := make(chan struct{})
	s.none = none
	for c := range s.open {
		_ = c.out.SetWriteDeadline(time.Now().Add(drainPatience)) // If it fails, so does the write.
	}
	s.mu.Unlock()
	select {
	case <-none:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close() // It is being thrown away.
	}
	s.mu.Unlock()
	<-none
}
