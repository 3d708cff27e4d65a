package grpcapi

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/pipes"
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
	s := New(e, nil, nil, slog.New(slog.DiscardHandler), "")
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

// TestShutdownWaitsForNoPeer: however many connections over TLS there are whose peers read nothing any more, the end comes when the
// context ends.
func TestShutdownWaitsForNoPeer(t *testing.T) {
	files := httptest.NewTLSServer(nil)
	secure, client := &tls.Config{Certificates: files.TLS.Certificates}, files.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	files.Close()
	client.ServerName = "127.0.0.1"
	synctest.Test(t, func(t *testing.T) {
		const connections, limit = 20, 3 * time.Second // before grpc-go gives up on those that do not acknowledge that it goes away
		inner := pipes.Listen()
		log := slog.New(slog.DiscardHandler)
		e := engine.New(config.Default(), metrics.New(), nil)
		defer e.Close()
		s := New(e, nil, nil, log, "")
		l, err := conn.Listen("test", "", conn.Options{MaxConnections: connections, TLS: secure, Log: log, Passed: map[string]net.Listener{"test": inner}})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		for range connections {
			far := inner.Dial()
			defer func() { _ = far.Close() }()
			peer := tls.Client(far, client)
			framer := http2.NewFramer(peer, peer)
			go func() {
				for {
					if f, err := framer.ReadFrame(); err != nil || f.Header().Type == http2.FramePing {
						return // It has been told that the server goes away, and reads nothing more.
					}
				}
			}()
			if _, err := io.WriteString(peer, http2.ClientPreface); err != nil {
				t.Fatal(err)
			}
			if err := framer.WriteSettings(); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		begin := time.Now()
		s.Shutdown(ctx)
		if took := time.Since(begin); took < limit || took > limit+time.Second {
			t.Errorf("the end took %v, want %v", took, limit)
		}
		<-served
	})
}
