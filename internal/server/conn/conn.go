// Package conn is what lies below HTTP and gRPC: listeners with a limit on their connections, TLS, reading ahead of
// net/http, connections hijacked from it, and writes that fail only once the peer reads nothing any more.
//
// The layers, from the socket up: net's connection; Conn, which counts against its Listener's limit; then tls.Conn, or
// the read-ahead for net/http. So whatever needs the socket (deadlines while a peer stalls, what the kernel may buffer)
// is below TLS, and all data goes through it.
package conn

import (
	"container/list"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Conn is an accepted connection.
type Conn struct {
	net.Conn
	*readiness

	listener *Listener     // nil in tests
	place    *list.Element // in listener.open, until it is closed or evicted
	requests int           // in flight; it is idle without any. listener.mu guards both

	written  atomic.Int64             // bytes that have been written
	since    atomic.Int64             // when the write in progress began, or last went on, in nanoseconds since epoch; 0: there is none
	failed   atomic.Pointer[error]    // of the write that failed, after which there is none
	patience atomic.Pointer[patience] // of writes; nil: they end at the deadline that is set
	parts    [3][]byte                // of the write in progress
	left     net.Buffers              // of parts: what is still to be written
}

// Of returns the Conn that c is or wraps, or nil.
func Of(c net.Conn) *Conn {
	for {
		switch v := c.(type) {
		case *Conn:
			return v
		case *aheadConn:
			return v.Conn
		case interface{ NetConn() net.Conn }: // *tls.Conn
			c = v.NetConn()
		default:
			return nil
		}
	}
}

// Begin counts a request of the connection as in flight until End is called: a connection with none may be evicted.
func (c *Conn) Begin() { c.change(func() { c.requests++ }) }

// End ends what Begin began.
func (c *Conn) End() { c.change(func() { c.requests-- }) }

// SetBusy says that the connection has a request in flight, or none, for protocols that have one at a time.
func (c *Conn) SetBusy(busy bool) {
	c.change(func() {
		c.requests = 0
		if busy {
			c.requests = 1
		}
	})
}

func (c *Conn) change(f func()) {
	l := c.listener
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	if c.place != nil {
		l.open.MoveToBack(c.place)
	}
}

// Close closes the connection and frees its place.
func (c *Conn) Close() error {
	if l := c.listener; l != nil {
		l.mu.Lock()
		l.drop(c)
		l.mu.Unlock()
	}
	return c.Conn.Close()
}

// CloseWrite ends the connection for writing. net/http calls it where the peer may still be sending, so that the
// response is not lost.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Read is part of net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received(n)
	return n, err
}

// ReadOnReady waits until the connection can be read, and reads at most size bytes into a buffer from pool, which it
// returns with the number of bytes in it. An error comes without a buffer. It is for one goroutine at a time.
func (c *Conn) ReadOnReady(size int, pool BufferPool) (*[]byte, int, error) {
	buf, n, err := c.readiness.ReadOnReady(size, pool)
	c.received(n)
	return buf, n, err
}

// WriteReady writes what the system takes of p at once, which may be nothing. It is for one goroutine at a time, and none may be in
// Write.
func (c *Conn) WriteReady(p []byte) (int, error) {
	n, err := c.readiness.WriteReady(p)
	c.sent(int64(n))
	return n, err
}

func (c *Conn) received(n int) {
	if c.listener != nil {
		c.listener.in.Add(int64(n))
	}
}

func (c *Conn) sent(n int64) {
	c.written.Add(n)
	if c.listener != nil {
		c.listener.out.Add(n)
	}
}

// patience is how long a peer may read nothing of a write.
type patience struct {
	stall    time.Duration
	draining <-chan struct{}
}

// DrainPatience is the most that a peer of a hijacked connection may stall for once the server is stopping.
const DrainPatience = 2 * time.Second

func (p *patience) now() time.Duration {
	select {
	case <-p.draining:
		return min(p.stall, DrainPatience)
	default:
		return p.stall
	}
}

// Write is part of net.Conn. On a hijacked connection it goes on for as long as the peer reads anything. A write that failed is the
// last one: what comes after a gap is of no use, and crypto/tls would wait up to 5 s to tell a peer that reads nothing of the end,
// while the writer still holds its memory.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.failed.Load(); err != nil {
		return 0, *err
	}
	n, err := c.write(p)
	if err != nil {
		failed := err // A variable of its own, so that err is not allocated for each write.
		c.failed.Store(&failed)
	}
	return n, err
}

func (c *Conn) write(p []byte) (int, error) {
	if patience := c.patience.Load(); patience != nil {
		n, err := c.writeParts(patience, p, nil, nil)
		return int(n), err
	}
	defer c.since.Store(0)
	for done := 0; ; {
		c.since.Store(int64(time.Since(epoch)))
		n, err := c.Conn.Write(p[done:min(len(p), done+writePiece)])
		done += n
		c.sent(int64(n))
		if err != nil || done == len(p) {
			return done, err
		}
	}
}

// writePiece is written at a time, so that Written tells of a peer that reads slowly.
const writePiece = 64 << 10

// Ending says that the connection is about to be closed. Over TLS a last record is written then, for which crypto/tls would wait 5 s while
// the peer reads nothing.
func (c *Conn) Ending() { c.patience.Store(&patience{stall: endPatience}) }

// endPatience is how long a peer may read nothing of the end of its connection.
const endPatience = 200 * time.Millisecond

// epoch is before any write.
var epoch = time.Now().Add(-1)

// Stuck reports whether a Write is in progress of which the peer has taken nothing for so long. It is not for hijacked connections, whose
// writes have a limit of their own.
func (c *Conn) Stuck(long time.Duration) bool {
	since := c.since.Load()
	return since != 0 && time.Since(epoch)-time.Duration(since) >= long
}

// Written returns how many bytes have been written. The system has taken them.
func (c *Conn) Written() int64 { return c.written.Load() }

// writeParts writes head, body and tail, any of which may be empty, in one system call (writev) as far as the socket
// accepts them. It borrows them. Once the peer has read nothing for as long as p says, it returns
// os.ErrDeadlineExceeded. It is for one goroutine at a time.
func (c *Conn) writeParts(p *patience, head, body, tail []byte) (written int64, err error) {
	c.left = append(c.parts[:0], head, body, tail)
	defer clear(c.parts[:]) // They are the caller's.
	return c.writeLeft(p)
}

// writeLeft writes c.left as writeParts does.
func (c *Conn) writeLeft(p *patience) (written int64, err error) {
	for last := time.Now(); ; {
		stall := p.now()
		// Several times within it, to know when the last byte was accepted.
		if err := c.Conn.SetWriteDeadline(time.Now().Add(stall / 4)); err != nil {
			return written, err
		}
		n, err := c.left.WriteTo(c.Conn)
		written += n
		c.sent(n)
		switch {
		case err == nil:
			return written, nil
		case n > 0:
			last = time.Now()
		case !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) >= stall:
			return written, err
		}
	}
}
