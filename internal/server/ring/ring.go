//go:build linux

// Package ring serves programs on the same machine through memory that they share with the server: frames are read where the
// client has written them, and images written where it reads them. docs/ring.md is the protocol, internal/ring its messages.
//
// Each connection has a goroutine that reads its messages and does what they say. Nothing in shared memory is trusted:
// pixels are read by the pipeline, of which no index or length is made, and what is parsed is copied first. Whatever a client
// does to its slots while the server has them ends up in its own images.
package ring

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/lookout"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
)

const (
	// watchEvery is how often the server looks whether a client that waits is still there, and who has been silent for too long.
	watchEvery = 100 * time.Millisecond
	// linger is how long a client may read what was delivered after the server has ended the connection.
	linger = 2 * time.Second
)

// Server serves the ring. Its methods may be called from any goroutine.
type Server struct {
	engine *engine.Engine
	live   *live.Live
	log    *slog.Logger
	users  *auth.Users
	logged fault.Throttle
	mapped atomic.Int64 // bytes of shared memory
	stale  atomic.Int64 // nanoseconds: staleAfter, but in tests

	mu          sync.Mutex
	listener    net.Listener
	connections map[*connection]struct{}
	ended       bool
	serving     sync.WaitGroup
	stop        chan struct{}    // closed when it is over
	some        *lookout.Lookout // woken when there is a connection
}

// New returns a Server for the settings of e.
func New(e *engine.Engine, l *live.Live, log *slog.Logger) *Server {
	s := &Server{
		engine: e, live: l, log: log, users: auth.NewUsers(e.Config.Ring.UIDs, log),
		connections: map[*connection]struct{}{}, stop: make(chan struct{}), some: lookout.New(),
	}
	s.stale.Store(int64(staleAfter))
	e.Account.Mapped(engine.Ring, s.mapped.Load)
	return s
}

// Serve accepts connections until Shutdown. It returns nil then, or the error of the listener.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	ended := s.ended
	s.mu.Unlock()
	if ended {
		return l.Close()
	}
	go s.watch()
	for {
		accepted, err := l.Accept()
		switch {
		case err == nil:
			s.accept(accepted)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() { // As net/http: there is no other way to know.
				return err
			}
			select { // There are no files left; some connection will end.
			case <-time.After(watchEvery):
			case <-s.stop:
			}
		}
	}
}

// accept serves a connection on a goroutine of its own.
func (s *Server) accept(accepted net.Conn) {
	c := newConnection(s, conn.Of(accepted))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || c == nil {
		_ = accepted.Close()
		return
	}
	s.connections[c] = struct{}{}
	s.some.Wake()
	s.serving.Go(func() {
		c.serve()
		s.mu.Lock()
		delete(s.connections, c)
		s.mu.Unlock()
	})
}

// watch looks after the connections until Shutdown.
func (s *Server) watch() {
	s.some.Run(s.stop, watchEvery, func(time.Time) bool { return s.each((*connection).check) })
}

// each calls f for all connections, and reports whether there is one.
func (s *Server) each(f func(*connection)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		f(c)
	}
	return len(s.connections) > 0
}

// Shutdown ends the listener and all connections: what was submitted and read is answered. Those left when ctx ends are cut.
// It returns when all have ended.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	again := s.ended
	s.ended = true
	if s.listener != nil {
		_ = s.listener.Close() // Its error is of no use: it is closed.
	}
	s.mu.Unlock()
	s.each((*connection).drain)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serving.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.each((*connection).cut)
		<-done
	}
	if !again {
		close(s.stop)
	}
}
