package conn

import (
	"bufio"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Hijacked is a connection hijacked from net/http. Its writes fail only when the peer reads nothing at all within the
// stall time, however long they take.
type Hijacked struct {
	net.Conn               // as it was accepted
	In       *bufio.Reader // of Conn, with what net/http has read ahead
	Stall    time.Duration

	base     *Conn // what Conn is or wraps
	layered  bool  // whether it wraps it, in TLS
	patience *patience
	heard    atomic.Int64 // when something last came in, in nanoseconds since begin
	begin    time.Time

	mu     sync.Mutex // held for a write as a whole
	failed bool
	record []byte // of layered: what is written together
}

// recordBytes is how much a TLS record holds.
const recordBytes = 16 << 10

// NewHijacked returns c, from which in reads, as a Hijacked. A peer may read nothing for stall, and for DrainPatience
// at most once draining is closed. A tls.Conn must be over a Conn.
func NewHijacked(c net.Conn, in *bufio.Reader, stall time.Duration, draining <-chan struct{}) *Hijacked {
	h := &Hijacked{Conn: c, In: in, Stall: stall, base: Of(c), patience: &patience{stall, draining}, begin: time.Now()}
	switch c.(type) {
	case *Conn, *aheadConn:
	case interface{ NetConn() net.Conn }:
		if h.base == nil {
			panic("conn: a hijacked TLS connection that no Listener accepted")
		}
		h.layered, h.record = true, make([]byte, recordBytes)
		h.base.patience.Store(h.patience)
	default:
		h.base = &Conn{Conn: c}
	}
	return h
}

// LimitUnsent bounds what the kernel queues of c's writes beyond what it can send at once, where the system can do
// that.
func (c *Hijacked) LimitUnsent(bytes int) { limitUnsent(c.base.Conn, bytes) }

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

// WriteParts writes head, body and tail, any of which may be empty. It borrows them. Over a plain connection that is
// one system call as far as the socket accepts them; over TLS they share records. It goes on for as long as the peer
// reads anything: after the stall time without, it returns os.ErrDeadlineExceeded.
func (c *Hijacked) WriteParts(head, body, tail []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.layered {
		parts := [...][]byte{head, body, tail}
		err = c.writeRecords(parts[:])
	} else {
		_, err = c.base.writeParts(c.patience, head, body, tail)
	}
	c.failed = c.failed || err != nil
	return err
}

// WriteAll is WriteParts for any number of parts. Their slice may be changed.
func (c *Hijacked) WriteAll(parts [][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.layered {
		err = c.writeRecords(parts)
	} else {
		c.base.left = parts
		_, err = c.base.writeLeft(c.patience)
		c.base.left = nil
	}
	c.failed = c.failed || err != nil
	return err
}

// writeRecords writes parts together, in pieces of one TLS record.
func (c *Hijacked) writeRecords(parts [][]byte) error {
	n := 0 // bytes in c.record
	for _, p := range parts {
		for len(p) > 0 {
			if whole := len(p) - len(p)%recordBytes; n == 0 && whole > 0 {
				if _, err := c.Conn.Write(p[:whole]); err != nil {
					return err
				}
				p = p[whole:]
				continue
			}
			k := copy(c.record[n:], p)
			n, p = n+k, p[k:]
			if n < recordBytes {
				continue
			}
			if _, err := c.Conn.Write(c.record); err != nil {
				return err
			}
			n = 0
		}
	}
	if n == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.record[:n])
	return err
}

// Close closes the connection. Over TLS it sends close_notify first, unless a write has failed or the peer reads nothing.
func (c *Hijacked) Close() error {
	if !c.layered {
		return c.Conn.Close()
	}
	if !c.mu.TryLock() { // A write is in progress, which this is to end.
		return c.base.Close()
	}
	failed := c.failed
	c.mu.Unlock()
	if failed {
		return c.base.Close()
	}
	c.base.Ending()
	return c.Conn.Close()
}

// Abort closes the connection at once: a write in progress fails, and nothing more is sent.
func (c *Hijacked) Abort() error { return c.base.Close() }

// Discard reads until the connection ends, and then closes it, so that a write in progress ends too.
func (c *Hijacked) Discard() {
	var buf [64]byte // Viewers send nothing more.
	for {
		if _, err := c.Conn.Read(buf[:]); err != nil {
			_ = c.Close() // The peer has disconnected.
			return
		}
	}
}

// Glance is how long a write in progress may go on before it notices that the server is stopping and DrainPatience applies.
// It is short, since bytes sent meanwhile count as progress of the peer.
const Glance = time.Millisecond

// Set is a set of hijacked connections, which net/http's Shutdown does not know of. The zero Set is empty. All methods
// but Wait may be called from any goroutine.
type Set struct {
	mu    sync.Mutex
	open  map[*Hijacked]struct{}
	empty chan struct{} // closed when the last one ends, nil when nobody waits
	ended bool          // Wait has seen that there are none
}

// Add adds a connection, until Remove. One that comes after Wait has returned is closed at once: nobody would wait for it.
func (s *Set) Add(c *Hijacked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		_ = c.Abort() // It is being thrown away.
	}
	if s.open == nil {
		s.open = map[*Hijacked]struct{}{}
	}
	s.open[c] = struct{}{}
}

// Remove ends what Add began, once the connection is closed.
func (s *Set) Remove(c *Hijacked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if len(s.open) == 0 && s.empty != nil {
		close(s.empty)
		s.empty, s.ended = nil, true
	}
}

// Each calls f with each connection. f must not add or remove any.
func (s *Set) Each(f func(*Hijacked)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		f(c)
	}
}

// Wait waits until there are none, for a server that is stopping: writes in progress notice within Glance, and have
// DrainPatience from then on. When ctx ends it closes the connections that are left, and waits on. It is for one
// goroutine at a time, when no more are expected.
func (s *Set) Wait(ctx context.Context) {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.ended = true
		s.mu.Unlock()
		return
	}
	empty := make(chan struct{})
	s.empty = empty
	s.mu.Unlock()
	s.Each(func(c *Hijacked) { _ = c.base.Conn.SetWriteDeadline(time.Now().Add(Glance)) }) // If it fails, so does the write.
	select {
	case <-empty:
		return
	case <-ctx.Done():
	}
	s.Each(func(c *Hijacked) { _ = c.Abort() }) // They are being thrown away.
	<-empty
}
