package watch

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// unsentBytes are what the kernel may hold of a viewer's pictures beyond what is on its way to it. Without a bound it
// takes megabytes, and a slow viewer sees pictures that are as old as those: a newer one waits behind them. It is less than
// a picture, and more than a segment.
const unsentBytes = 16 << 10

// drainPatience stands for live.stall once the server is stopping.
const drainPatience = 2 * time.Second

// glance is how long writes go on before they see that the server is stopping, and that their patience is another. It is
// short, since what they have written meanwhile counts as taken when they look up.
const glance = time.Millisecond

// conn is a connection taken from net/http. Its writes never fail for taking long: only for bringing nothing at all to
// the peer within live.stall.
type conn struct {
	net.Conn               // as it was accepted
	out      net.Conn      // what that wraps: there package net gathers a write into one system call
	in       *bufio.Reader // of Conn, with what net/http has read ahead
	stall    time.Duration
	draining <-chan struct{}
	heard    atomic.Int64 // when something last came in, in nanoseconds since begin
	begin    time.Time

	mu    sync.Mutex // held for a write as a whole
	parts [3][]byte
	left  net.Buffers // of parts: what is still to be written
}

// take takes a connection from net/http, to be given back with release.
func (h *Handler) take(w http.ResponseWriter) (*conn, error) {
	accepted, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, out: accepted, in: rw.Reader, stall: h.stall(), draining: h.engine.Draining(), begin: time.Now()}
	for {
		w, ok := c.out.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c.out = w.NetConn()
	}
	limitUnsent(c.out, unsentBytes)
	h.conns.Add(c)
	return c, nil
}

// release closes the connection.
func (h *Handler) release(c *conn) {
	_ = c.Close() // All was written, or cannot be.
	h.conns.Remove(c)
}

// Read is part of net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard.Store(int64(time.Since(c.begin)))
	return n, err
}

// silence returns for how long nothing has come in.
func (c *conn) silence() time.Duration { return time.Since(c.begin) - time.Duration(c.heard.Load()) }

// Write is part of net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.write(p, nil, nil); err != nil {
		return 0, err
	}
	return len(p), nil
}

// write writes head, body and tail, of which any may be empty, in one system call as far as the peer takes them. It
// borrows them. It goes on for as long as the peer takes any of it: once that takes nothing for live.stall, the error is
// a deadline's.
func (c *conn) write(head, body, tail []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.parts[:0], head, body, tail)
	err := c.writeLeft()
	clear(c.parts[:]) // They are the caller's.
	return err
}

// writeLeft writes c.left. c.mu is held.
func (c *conn) writeLeft() error {
	for last := time.Now(); ; {
		patience := c.patience()
		// Several times within it, so that it is known when the last byte was taken.
		if err := c.out.SetWriteDeadline(time.Now().Add(patience / 4)); err != nil {
			return err
		}
		n, err := c.left.WriteTo(c.out)
		switch {
		case err == nil:
			return nil
		case n > 0:
			last = time.Now()
		case !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) >= patience:
			return err
		}
	}
}

// patience is how long the peer may take nothing.
func (c *conn) patience() time.Duration {
	select {
	case <-c.draining:
		return min(c.stall, drainPatience)
	default:
		return c.stall
	}
}

// discard reads until the connection ends, and then closes it, so that a write in progress ends too.
func (c *conn) discard() {
	var buf [64]byte // A viewer has nothing more to say.
	for {
		if _, err := c.Conn.Read(buf[:]); err != nil {
			_ = c.Close() // The peer is gone.
			return
		}
	}
}
