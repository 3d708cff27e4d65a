package server

import (
	"crypto/tls"
	"log/slog"

	"github.com/steadyframe/steadyframe/pool"
)

// NewChecked is New with a checked pool.
func NewChecked(c Config, log *slog.Logger, check *pool.Check) (*Server, error) {
	return newServer(c, log, options{check: check, tls: TLS})
}

// TLS is what New and NewChecked of the tests serve with: nil is plain connections.
var TLS *tls.Config

// NewOver is New with TLS.
func NewOver(c Config, log *slog.Logger) (*Server, error) {
	return newServer(c, log, options{tls: TLS})
}

// Audit looks at the pool, which must be at rest.
func (s *Server) Audit() []*pool.Misuse { return s.engine.Pool.Audit() }
