package conn

import (
	"context"
	"net"
	"sync"
	"time"
)

// Set is a set of connections hijacked from net/http, whose Shutdown knows nothing of them. The zero Set is empty. All methods but Wait may be called from any
// goroutine.
type Set struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
	none chan struct{} // closed when the last one ends, nil when nobody waits
}

// Add adds a connection, until Remove.
func (s *Set) Add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[c] = struct{}{}
}

// Remove ends what Add began, once the connection is closed.
func (s *Set) Remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if len(s.open) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// Each calls f with each connection. f must not add or remove any.
func (s *Set) Each(f func(net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		f(c)
	}
}

// Wait waits until there are none, for a server that is stopping. A patience above 0 is what writes get that are going
// on now. When ctx ends it closes the connections that are left, and waits on. It is for one goroutine at a time.
func (s *Set) Wait(ctx context.Context, patience time.Duration) {
	s.mu.Lock()
	none := make(chan struct{})
	if len(s.open) == 0 {
		close(none)
	} else {
		s.none = none
	}
	s.mu.Unlock()
	if patience > 0 {
		s.Each(func(c net.Conn) { _ = c.SetWriteDeadline(time.Now().Add(patience)) }) // If it fails, so does the write.
	}
	select {
	case <-none:
		return
	case <-ctx.Done():
	}
	s.Each(func(c net.Conn) { _ = c.Close() }) // It is being thrown away.
	<-none
}
