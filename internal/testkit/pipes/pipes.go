// Package pipes has a listener whose connections are pipes, for tests of peers that read nothing.
package pipes

import "net"

// Listener is a listener whose connections are pipes: a write waits until the peer reads.
type Listener struct {
	near chan net.Conn
	end  chan struct{}
}

// Listen returns a Listener.
func Listen() *Listener { return &Listener{make(chan net.Conn), make(chan struct{})} }

// Dial connects, once the listener accepts, and returns the peer's end.
func (l *Listener) Dial() net.Conn {
	near, far := net.Pipe()
	l.near <- near
	return far
}

// Accept is part of net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.near:
		return c, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (l *Listener) Close() error { close(l.end); return nil }

// Addr is part of net.Listener.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{} }
