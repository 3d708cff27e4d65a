// Package taken keeps the connections that handlers take from net/http, whose Shutdown knows nothing of them.
package taken

import (
	"context"
	"net"
	"sync"
	"time"
)

// Conns are connections taken from net/http. The zero value is none of them. All methods but Wait may be called from any
// goroutine.
type Conns struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
	none chan struct{} // closed when the last one ends, nil when nobody waits
}

// Add adds a connection, until Remove.
func (s *Conns) Add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[c] = struct{}{}
}

// Remove ends what Add began, once the connection is closed.
func (s *Conns) Remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if len(s.open) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// Each calls f with each connection. f must not add or remove any.
func (s *Conns) Each(f func(net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		f(c)
	}
}

// Wait waits until there are none, for a server that is stopping. A patience above 0 is what writes get that are going
// on now. When ctx ends it closes the connections that are left, and waits on. It is for one goroutine at a time.
func (s *Conns) Wait(ctx context.Context, patience time.Duration) {
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
