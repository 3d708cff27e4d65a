package server

import (
	"net"
	"sync"
)

// limitListener accepts a limited number of connections at the same time, and closes more than that at once: left in
// the kernel's queue they would wait without a word.
type limitListener struct {
	net.Listener
	free chan struct{} // holds one token for each open connection
}

// Accept is part of net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &conn{Conn: c, release: sync.OnceFunc(func() { <-l.free }), readiness: newReadiness(c)}, nil
		default:
			_ = c.Close() // Its error is of no use to anyone.
		}
	}
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
