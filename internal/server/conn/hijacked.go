package conn

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// DrainPatience is the stall time of a Hijacked once the server is stopping.
const DrainPatience = 2 * time.Second

// Glance is how long writes go on before they see that the server is stopping, and that their patience is another. It is
// short, since what they have written meanwhile counts as taken when they look up.
const Glance = time.Millisecond

// Hijacked is a connection hijacked from net/http. Its writes never fail for taking long: only for bringing nothing at all to
// the peer within the stall time.
type Hijacked struct {
	net.Conn               // as it was accepted
	In       *bufio.Reader // of Conn, with what net/http has read ahead
	Stall    time.Duration

	out      net.Conn // what Conn wraps: there package net gathers a write into one system call
	draining <-chan struct{}
	heard    atomic.Int64 // when something last came in, in nanoseconds since begin
	begin    time.Time

	mu    sync.Mutex // held for a write as a whole
	parts [3][]byte
	left  net.Buffers // of parts: what is still to be written
}

// NewHijacked returns c, from which in reads, as a Hijacked. A peer that takes nothing has stall, and DrainPatience at most
// once draining is closed.
func NewHijacked(c net.Conn, in *bufio.Reader, stall time.Duration, draining <-chan struct{}) *Hijacked {
	h := &Hijacked{Conn: c, out: c, In: in, Stall: stall, draining: draining, begin: time.Now()}
	for {
		w, ok := h.out.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		h.out = w.NetConn()
	}
	return h
}

// LimitUnsent bounds what the kernel takes of c's writes beyond what it can send at once, where the system can do that.
func (c *Hijacked) LimitUnsent(bytes int) { limitUnsent(c.out, bytes) }

// Read is part of net.Conn.
func (c *Hijacked) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard.Store(int64(time.Since(c.begin)))
	return n, err
}

// Silence returns for how long nothing has come in.
func (c *Hijacked) Silence() time.Duration {
	return time.Since(c.begin) - time.Duration(c.heard.Load())
}

// Write is part of net.Conn.
func (c *Hijacked) Write(p []byte) (int, error) {
	if err := c.WriteParts(p, nil, nil); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteParts writes head, body and tail, of which any may be empty, in one system call as far as the peer takes them. It
// borrows them. It goes on for as long as the peer takes any of it: once that takes nothing for the stall time, the error is
// a deadline's.
func (c *Hijacked) WriteParts(head, body, tail []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.parts[:0], head, body, tail)
	err := c.writeLeft()
	clear(c.parts[:]) // They are the caller's.
	return err
}

// writeLeft writes c.left. c.mu is held.
func (c *Hijacked) writeLeft() error {
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
func (c *Hijacked) patience() time.Duration {
	select {
	case <-c.draining:
		return min(c.Stall, DrainPatience)
	default:
		return c.Stall
	}
}

// Discard reads until the connection ends, and then closes it, so that a write in progress ends too.
func (c *Hijacked) Discard() {
	var buf [64]byte // A viewer has nothing more to say.
	for {
		if _, err := c.Conn.Read(buf[:]); err != nil {
			_ = c.Close() // The peer is gone.
			return
		}
	}
}
