package conn

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// ReadAhead returns l for net/http: its connections are read ahead where the system can.
func ReadAhead(l net.Listener) *AheadListener { return &AheadListener{l, &aheadBuffers{}} }

// AheadListener is a Listener for net/http.
type AheadListener struct {
	net.Listener
	buffers *aheadBuffers
}

// Held returns the bytes of the buffers that its connections are read into.
func (l *AheadListener) Held() int64 { return l.buffers.held.Load() }

// Accept is part of net.Listener.
func (l *AheadListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if c, ok := c.(*Conn); ok && c.raw != nil {
		return &aheadConn{Conn: c, buffers: l.buffers}, nil
	}
	return c, nil
}

// aheadConn is a connection that is read ahead of small reads. net/http reads 4 KiB at a time where it looks for the
// lines between the chunks of a body, and 9 bytes where an HTTP/2 frame begins: of a frame in chunks of 32 KiB, the kernel
// would be asked for each chunk twice. Large reads, of a body of known length, go past the buffer, and so does a small read
// after a large one, which is most likely the head of the next request, and the head of the first: after the few bytes in which
// net/http looks for HTTP/2. What is read ahead of a body is copied once more, and in vain where the request is refused. There is a
// buffer only while something is left in it.
type aheadConn struct {
	*Conn
	buffers *aheadBuffers
	begun   bool    // whether anything was read
	small   bool    // whether the read before was a small one, and not the first
	buf     *[]byte // what was read ahead; nil when nothing is left
	left    []byte  // of buf
}

const (
	// aheadSize is what is read ahead at a time, and held of a connection at most whose handler does not read on.
	aheadSize = 64 << 10
	// minAhead is the least that must be asked for: while a handler is busy, net/http waits for one byte, of which it only
	// wants to know that it came.
	minAhead = 2
)

// Read is part of net.Conn.
func (c *aheadConn) Read(p []byte) (int, error) {
	if c.buf == nil {
		if len(p) < minAhead {
			return c.Conn.Read(p)
		}
		if !c.begun {
			c.begun = true
			return c.Conn.Read(p)
		}
		again := c.small
		if c.small = len(p) < aheadSize; !c.small || !again {
			return c.Conn.Read(p)
		}
		buf, n, err := c.ReadOnReady(aheadSize, c.buffers)
		if err != nil {
			return 0, c.readError(err)
		}
		c.buf, c.left = buf, (*buf)[:n]
	}
	n := copy(p, c.left)
	if c.left = c.left[n:]; len(c.left) == 0 {
		c.buffers.Put(c.buf)
		c.buf, c.left = nil, nil
	}
	return n, nil
}

// readError returns err as package net has it for a Read.
func (c *aheadConn) readError(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return &net.OpError{Op: "read", Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.Conn.Conn.RemoteAddr(), Err: os.NewSyscallError("read", number)}
	}
	return err
}

// aheadBuffers are the buffers of connections that are read ahead.
type aheadBuffers struct {
	free sync.Pool    // of *[]byte
	held atomic.Int64 // bytes of the buffers that exist, idle ones too
}

// Get is part of BufferPool. All buffers are of aheadSize.
func (a *aheadBuffers) Get(int) *[]byte {
	if p, _ := a.free.Get().(*[]byte); p != nil {
		return p
	}
	p := make([]byte, aheadSize)
	a.held.Add(aheadSize)
	runtime.AddCleanup(&p, func(n int64) { a.held.Add(-n) }, aheadSize)
	return &p
}

// Put is part of BufferPool.
func (a *aheadBuffers) Put(p *[]byte) { a.free.Put(p) }
