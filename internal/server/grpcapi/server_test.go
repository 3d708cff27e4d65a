package grpcapi

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// readyListener makes connections that count how grpc-go reads from them.
type readyListener struct {
	net.Listener
	ready, read atomic.Int64
	size        atomic.Int64 // of the last buffer
}

func (l *readyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &readyConn{Conn: c, listener: l}, nil
}

type readyConn struct {
	net.Conn
	listener *readyListener
}

func (c *readyConn) Read(p []byte) (int, error) {
	if len(p) > len(http2.ClientPreface) { // which is read for itself
		c.listener.read.Add(1)
	}
	return c.Conn.Read(p)
}

func (c *readyConn) ReadOnReady(size int, pool conn.BufferPool) (*[]byte, int, error) {
	c.listener.ready.Add(1)
	c.listener.size.Store(int64(size))
	buf := pool.Get(size)
	n, err := c.Conn.Read(*buf)
	if err != nil {
		pool.Put(buf)
		return nil, 0, err
	}
	return buf, n, nil
}

// TestSilentConnectionsHoldNoReadBuffer: grpc-go asks a connection for the method ReadOnReady, which its documentation
// does not name, and does not read with a buffer in its hand.
func TestSilentConnectionsHoldNoReadBuffer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &readyListener{Listener: tcp}
	s := New(e, nil, nil, slog.New(slog.DiscardHandler), false)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	dialed, err := grpc.NewClient(tcp.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := healthgrpc.NewHealthClient(dialed).Check(ctx, &healthgrpc.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	if err := dialed.Close(); err != nil {
		t.Error(err)
	}
	s.Shutdown(ctx)
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if ready, read := l.ready.Load(), l.read.Load(); ready == 0 || read != 0 || l.size.Load() != readBuffer {
		t.Errorf("got %d reads when ready, of %d bytes, and %d others, want some, of %d bytes, and none", ready, l.size.Load(), read, readBuffer)
	}
}
