//go:build !linux

// Package ring serves programs on the same machine through shared memory, on Linux. On this system there is none.
package ring

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/live"
)

// Server does nothing on this system.
type Server struct{}

// New returns a Server.
func New(*engine.Engine, *live.Live, *slog.Logger) *Server { return &Server{} }

// Serve returns an error.
func (*Server) Serve(net.Listener) error { return errors.New("ring: shared memory needs Linux") }

// Shutdown does nothing.
func (*Server) Shutdown(context.Context) {}
