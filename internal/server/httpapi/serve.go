package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
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
	streams := &http2Requests{handler: h}
	s := &http.Server{
		Handler:           streams,
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
		streams.wait()
	}
	return func(l net.Listener) error {
		ahead := conn.ReadAhead(l)
		e.Account.Heap(engine.Transports, ahead.Held)
		return s.Serve(ahead)
	}, shutdown
}

// http2Requests serves requests with handler, and counts those over HTTP/2: their handlers may go on for a moment after
// their connection, which is all that net/http's Shutdown waits for.
type http2Requests struct {
	handler http.Handler

	mu   sync.Mutex
	open int
	none chan struct{} // closed when the last one ends, nil when nobody waits
}

// ServeHTTP is part of http.Handler.
func (q *http2Requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 {
		q.mu.Lock()
		q.open++
		q.mu.Unlock()
		defer q.end()
	}
	q.handler.ServeHTTP(w, r)
}

func (q *http2Requests) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open--; q.open == 0 && q.none != nil {
		close(q.none)
		q.none = nil
	}
}

// wait waits until no handler runs. Their connections are closed, so what they read or write fails.
func (q *http2Requests) wait() {
	q.mu.Lock()
	if q.open == 0 {
		q.mu.Unlock()
		return
	}
	none := make(chan struct{})
	q.none = none
	q.mu.Unlock()
	<-none
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
