package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/grpcapi"
	"github.com/steadyframe/steadyframe/pool"
)

// NewChecked is New with a checked pool.
func NewChecked(c Config, log *slog.Logger, check *pool.Check) (*Server, error) {
	return newServer(c, log, options{check: check, tls: TLS, without: stockGRPC(), cutTime: CutTime})
}

// TLS is what New and NewChecked of the tests serve with: nil is plain connections.
var TLS *tls.Config

// NewOver is New with TLS, and with stock gRPC.
func NewOver(c Config, log *slog.Logger) (*Server, error) {
	return newServer(c, log, options{tls: TLS, without: stockGRPC(), cutTime: CutTime})
}

// CutTime is how long servers of tests wait for what they cut, on a busy machine too.
const CutTime = 2 * time.Minute

// StockGRPC is a variable of the environment that says what New and NewChecked of the tests do without of what grpc-go does
// not promise: "taking" or "any" (grpcapi.Without).
const StockGRPC = "TEST_STEADYFRAME_STOCK_GRPC"

func stockGRPC() grpcapi.Without { return grpcapi.Without(os.Getenv(StockGRPC)) }

// Audit checks the pool, which must be at rest.
func (s *Server) Audit() []*pool.Misuse { return s.engine.Pool.Audit() }

// Hang adds an API that does not end before c is closed.
func (s *Server) Hang(c <-chan struct{}) {
	s.apis = append(s.apis, api{name: "hangs", serve: func(net.Listener) error { <-c; return nil }, shutdown: func(context.Context) {}})
}

// HoldTurns takes n turns and keeps them, as no batch does, until release is called.
func (s *Server) HoldTurns(n int) (release func()) {
	end := make(chan struct{})
	for range n {
		held := make(chan struct{})
		go func() {
			_ = s.engine.InTurn(context.Background(), true, func(func() error) error { close(held); <-end; return nil })
		}()
		<-held
	}
	return func() { close(end) }
}

// Unsent returns the bytes of responses that clients have not taken.
func (s *Server) Unsent() int64 {
	for _, u := range s.engine.Account.Read().Leased {
		if u.Kind == engine.Unsent {
			return u.Bytes
		}
	}
	return -1
}

// NewNode is New for a node of a cluster whose directory goes over that transport.
func NewNode(c Config, log *slog.Logger, transport cluster.Transport) (*Server, error) {
	return newServer(c, log, options{without: stockGRPC(), cutTime: CutTime, transport: transport})
}

// Directory returns what the server knows of other nodes.
func (s *Server) Directory() *cluster.Directory { return s.directory }
