package server

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// limitListener accepts a limited number of connections at the same time, and closes more than that at once: left in
// the kernel's queue they would wait without a word. It is for one goroutine.
type limitListener struct {
	net.Listener
	free chan struct{} // holds one token for each open connection
	log  *slog.Logger
	said time.Time // when it was last logged that there are no files left

	refused atomic.Uint64 // connections above the limit
}

// open returns how many connections are open.
func (l *limitListener) open() int { return len(l.free) }

// sayEvery is how often is logged that there are no files left for connections, while that lasts.
const sayEvery = time.Minute

// Accept is part of net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.outOfFiles(err)
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &conn{Conn: c, release: sync.OnceFunc(func() { <-l.free }), readiness: newReadiness(c)}, nil
		default:
			l.refused.Add(1)
			_ = c.Close() // Its error is of no use to anyone.
		}
	}
}

// outOfFiles logs err, now and then, if it is that the process, or the system, may open no more files. Who accepts tries
// again: nobody else would say why connections wait.
func (l *limitListener) outOfFiles(err error) {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !l.said.IsZero() && time.Since(l.said) < sayEvery {
		return
	}
	l.said = time.Now()
	l.log.Warn("connections wait: raise the limit of open files (ulimit -n), or lower limits.max_connections", "err", err)
}

// conn is an accepted connection.
type conn struct {
	net.Conn
	release func() // frees its place
	*readiness
}

// Close closes the connection and frees its place.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// NetConn returns the connection that c wraps, as tls.Conn's does: package net gathers a write of several slices into one
// system call for its own types alone.
func (c *conn) NetConn() net.Conn { return c.Conn }

// CloseWrite is what net/http ends a connection with whose peer may still be sending, so that the answer is not lost.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// RemoteAddr returns the peer's address, which can also hang up.
func (c *conn) RemoteAddr() net.Addr { return peerAddr{c.Conn.RemoteAddr(), c} }

// peerAddr is the address of a connection's other end. Through it package rpc can hang up, which grpc-go has no word
// for.
type peerAddr struct {
	net.Addr
	conn *conn
}

// HangUp closes the connection.
func (a peerAddr) HangUp() { _ = a.conn.Close() } // It is being thrown away.
