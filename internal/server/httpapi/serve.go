package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
)

const (
	maxHeaderBytes = 16 << 10
	// What net/http buffers of HTTP/2 bodies that nobody reads yet. It is not memory of the pool, so it is small.
	http2StreamBuffer = 128 << 10
	http2ConnBuffer   = 256 << 10
	http2Streams      = 64
)

// Serve returns a function that serves h over HTTP/1.1 and HTTP/2, and one that shuts down. There is no time limit on a
// whole request or response: handlers set deadlines for their parts.
func Serve(e *engine.Engine, h http.Handler, log *slog.Logger) (serve func(net.Listener) error, shutdown func(context.Context)) {
	c := e.Config
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: time.Duration(c.Timeout.Receive),
		IdleTimeout:       time.Duration(c.Timeout.Idle),
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         trackConn,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return engine.WithClient(context.WithValue(ctx, connKey{}, conn.Of(c)), new(engine.Client))
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // errors of peers
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          http2Streams,
			MaxReceiveBufferPerConnection: http2ConnBuffer,
			MaxReceiveBufferPerStream:     http2StreamBuffer,
		},
	}
	shutdown = func(ctx context.Context) {
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // Shutdown's error is that ctx ended; Close's are of connections that are being thrown away.
		}
	}
	return func(l net.Listener) error {
		ahead := conn.ReadAhead(l)
		e.Account.Heap(engine.Transports, ahead.Held)
		return s.Serve(ahead)
	}, shutdown
}

// connKey is where the context of a request has its connection.
type connKey struct{}

// connOf returns the connection of r, nil when no Listener accepted it.
func connOf(r *http.Request) *conn.Conn {
	c, _ := r.Context().Value(connKey{}).(*conn.Conn)
	return c
}

// trackConn tells the connection whether it has requests in flight. A new one has none yet.
func trackConn(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive, http.StateHijacked:
		conn.Of(c).SetBusy(true)
	case http.StateIdle:
		conn.Of(c).SetBusy(false)
	}
}
