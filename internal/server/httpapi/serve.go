package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
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
	open := &requests{handler: h, http1: map[*conn.Conn]struct{}{}}
	s := &http.Server{
		Handler:           open,
		Protocols:         protocols,
		ReadHeaderTimeout: time.Duration(c.Timeout.Receive),
		IdleTimeout:       time.Duration(c.Timeout.Idle),
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         open.track,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return engine.WithClient(context.WithValue(ctx, connKey{}, conn.Of(c)), new(engine.Client))
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // errors of peers
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          http2Streams,
			MaxReceiveBufferPerConnection: http2ConnBuffer,
			MaxReceiveBufferPerStream:     http2StreamBuffer,
			// Of a connection whose client reads nothing. What handlers hold memory for has deadlines of its own.
			WriteByteTimeout: time.Duration(max(c.Timeout.Send, c.Live.Stall)),
		},
	}
	var listener atomic.Pointer[net.Listener]
	shutdown = func(ctx context.Context) {
		if l := listener.Load(); l != nil {
			defer conn.CutOn(ctx, *l)() // net/http closes one connection after the other, idle ones also once ctx has ended.
		}
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // Shutdown's error is that ctx ended; Close's are of connections that are being thrown away.
		}
		open.wait()
	}
	return func(l net.Listener) error {
		listener.Store(&l)
		ahead := conn.ReadAhead(l)
		e.Account.Heap(engine.Transports, ahead.Held)
		return s.Serve(ahead)
	}, shutdown
}

// requests serves requests with handler, and counts them: handlers may go on for a moment after their connection. net/http's Shutdown
// waits for connections, and over HTTP/1.1 its Close for nothing. Those that have hijacked their connection are not counted any more.
type requests struct {
	handler http.Handler

	mu    sync.Mutex
	open  int
	http1 map[*conn.Conn]struct{} // connections with a request that is counted
	none  chan struct{}           // closed when the last one ends, nil when nobody waits
}

// ServeHTTP is part of http.Handler.
func (q *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	over := connOf(r)
	if r.ProtoMajor != 1 {
		over = nil
	}
	q.mu.Lock()
	q.open++
	if over != nil {
		q.http1[over] = struct{}{}
	}
	q.mu.Unlock()
	if over != nil {
		defer q.endHTTP1(over)
	} else {
		defer q.end()
	}
	q.handler.ServeHTTP(w, r)
}

// endHTTP1 is end for the request of a connection of HTTP/1.1, unless that is not counted any more.
func (q *requests) endHTTP1(over *conn.Conn) {
	q.mu.Lock()
	_, counted := q.http1[over]
	delete(q.http1, over)
	q.mu.Unlock()
	if counted {
		q.end()
	}
}

func (q *requests) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open--; q.open == 0 && q.none != nil {
		close(q.none)
		q.none = nil
	}
}

// wait waits until no handler runs. Their connections are closed, so what they read or write fails.
func (q *requests) wait() {
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

// track tells a connection whether it has requests in flight. A new one has none yet.
func (q *requests) track(c net.Conn, state http.ConnState) {
	of := conn.Of(c)
	switch state {
	case http.StateActive:
		of.SetBusy(true)
	case http.StateHijacked:
		of.SetBusy(true)
		q.endHTTP1(of)
	case http.StateIdle:
		of.SetBusy(false)
	}
}
