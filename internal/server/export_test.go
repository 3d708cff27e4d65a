package server

import (
	"log/slog"
	"net"

	"github.com/steadyframe/steadyframe/pool"
)

// NewChecked is New with a checked pool.
func NewChecked(c Config, log *slog.Logger, check *pool.Check) (*Server, error) {
	return newServer(c, log, check)
}

// Audit looks at the pool, which must be at rest.
func (s *Server) Audit() []*pool.Misuse { return s.engine.Pool.Audit() }

// AheadSize is what is read ahead at a time.
const AheadSize = aheadSize

// ReadAhead returns a listener of connections that are read ahead.
func ReadAhead(l net.Listener) net.Listener {
	return aheadListener{&limitListener{Listener: l, free: make(chan struct{}, 1)}, &aheadBuffers{}}
}
