// Package conn is what lies below HTTP and gRPC: listeners with a limit on their connections, reading ahead of net/http,
// connections hijacked from it, and writes that end when the peer takes nothing any more.
package conn

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener accepts a limited number of connections at the same time, and closes more than that at once: left in
// the kernel's queue they would wait without a word. It is for one goroutine.
type Listener struct {
	net.Listener
	free chan struct{} // holds one token for each open connection
	log  *slog.Logger
	said time.Time // when it was last logged that there are no files left

	refused atomic.Uint64 // connections above the limit
}

// Open returns how many connections are open.
func (l *Listener) Open() int { return len(l.free) }

// Refused returns how many connections there were above the limit.
func (l *Listener) Refused() uint64 { return l.refused.Load() }

// sayEvery is how often is logged that there are no files left for connections, while that lasts.
const sayEvery = time.Minute

// Accept is part of net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.outOfFiles(err)
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &Conn{Conn: c, release: sync.OnceFunc(func() { <-l.free }), readiness: newReadiness(c)}, nil
		default:
			l.refused.Add(1)
			_ = c.Close() // Its error is of no use to anyone.
		}
	}
}

// outOfFiles logs err, now and then, if it is that the process, or the system, may open no more files. Who accepts tries
// again: nobody else would say why connections wait.
func (l *Listener) outOfFiles(err error) {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !l.said.IsZero() && time.Since(l.said) < sayEvery {
		return
	}
	l.said = time.Now()
	l.log.Warn("connections wait: raise the limit of open files (ulimit -n), or lower limits.max_connections", "err", err)
}

// Conn is an accepted connection.
type Conn struct {
	net.Conn
	release func() // frees its place
	*readiness
}

// Close closes the connection and frees its place.
func (c *Conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// NetConn returns the connection that c wraps, as tls.Conn's does: package net gathers a write of several slices into one
// system call for its own types alone.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// CloseWrite is what net/http ends a connection with whose peer may still be sending, so that the answer is not lost.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
