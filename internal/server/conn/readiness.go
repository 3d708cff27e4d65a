package conn

import (
	"io"
	"net"
	"syscall"
)

// BufferPool is where buffers come from and go back to. A mem.BufferPool of grpc-go is one.
type BufferPool interface {
	Get(size int) *[]byte
	Put(buf *[]byte)
}

// readiness reads from a connection once there is something to read, into a buffer that it takes only then: a
// connection that is silent holds none.
type readiness struct {
	conn net.Conn
	raw  syscall.RawConn // nil where reading through it is not possible

	// What try needs and finds. It is a field, as try is, since a closure would be allocated for each read.
	try  func(fd uintptr) bool
	size int
	pool BufferPool
	buf  *[]byte
	n    int
	err  error

	// The same of tryWrite, which another goroutine may use.
	put     func(fd uintptr) bool
	data    []byte
	written int
	failed  error
}

func newReadiness(c net.Conn) *readiness {
	r := &readiness{conn: c}
	if sc, ok := c.(syscall.Conn); ok && hasReadFD {
		if raw, err := sc.SyscallConn(); err == nil {
			r.raw, r.try, r.put = raw, r.tryRead, r.tryWrite
		}
	}
	return r
}

// ReadOnReady is as of Conn.
func (r *readiness) ReadOnReady(size int, pool BufferPool) (*[]byte, int, error) {
	if r.raw == nil {
		buf := pool.Get(size)
		n, err := r.conn.Read(*buf)
		if err != nil {
			pool.Put(buf)
			return nil, 0, err
		}
		return buf, n, nil
	}
	r.size, r.pool, r.buf, r.n, r.err = size, pool, nil, 0, nil
	err := r.raw.Read(r.try)
	buf, n := r.buf, r.n
	if err == nil {
		err = r.err
	}
	r.pool, r.buf, r.err = nil, nil, nil
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		if buf != nil {
			pool.Put(buf)
		}
		return nil, 0, err
	}
	return buf, n, nil
}

// tryRead reads once. It returns false when there is nothing to read yet.
func (r *readiness) tryRead(fd uintptr) bool {
	r.buf = r.pool.Get(r.size)
	for {
		r.n, r.err = readFD(fd, *r.buf)
		if r.err != syscall.EINTR {
			break
		}
	}
	if r.err == syscall.EAGAIN {
		r.pool.Put(r.buf)
		r.buf, r.err = nil, nil
		return false
	}
	return true
}

// WriteReady is as of Conn.
func (r *readiness) WriteReady(p []byte) (int, error) {
	if r.raw == nil {
		return 0, nil
	}
	r.data = p
	err := r.raw.Write(r.put)
	if err == nil {
		err = r.failed
	}
	r.data = nil
	if err != nil {
		return 0, err
	}
	return r.written, nil
}

// tryWrite writes once.
func (r *readiness) tryWrite(fd uintptr) bool {
	for {
		r.written, r.failed = writeFD(fd, r.data)
		switch r.failed {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.written, r.failed = 0, nil
		}
		return true
	}
}
