package server

import (
	"log/slog"

	"github.com/steadyframe/steadyframe/pool"
)

// NewChecked is New with a checked pool.
func NewChecked(c Config, log *slog.Logger, check *pool.Check) (*Server, error) {
	return newServer(c, log, check)
}

// Audit looks at the pool, which must be at rest.
func (s *Server) Audit() []*pool.Misuse { return s.engine.Pool.Audit() }
