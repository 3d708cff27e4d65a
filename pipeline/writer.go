package pipeline

import "github.com/steadyframe/steadyframe/pool"

// writer appends to a buffer of a pool, and moves to a larger one when it is full.
type writer struct {
	pool  *pool.Pool
	buf   *pool.Buf // where its owner keeps it
	mem   []byte    // all of buf
	n     int       // bytes written
	bound int       // nothing larger is asked for unless it is needed
}

// open starts at the end of *buf, which is empty at first: then it gets a buffer for size bytes.
func (w *writer) open(p *pool.Pool, buf *pool.Buf, size, bound int) error {
	w.pool, w.buf, w.bound = p, buf, bound
	if buf.IsZero() {
		b, err := p.Get(size)
		if err != nil {
			return err
		}
		b.SetLen(0)
		*buf = b
	}
	w.n = buf.Len()
	w.mem = whole(*buf)
	return nil
}

// write appends data.
func (w *writer) write(data []byte) error {
	if err := w.reserve(len(data)); err != nil {
		return err
	}
	w.n += copy(w.mem[w.n:], data)
	return nil
}

// reserve makes room for n more bytes: it doubles what is too small, as far as its bound.
func (w *writer) reserve(n int) error {
	need := w.n + n
	if need <= len(w.mem) {
		return nil
	}
	b, err := w.pool.Get(max(need, min(2*len(w.mem), w.bound)))
	if err != nil {
		return err
	}
	mem := whole(b)
	copy(mem, w.mem[:w.n])
	w.buf.Release()
	*w.buf, w.mem = b, mem
	return nil
}

// close sets the buffer's length to what was written.
func (w *writer) close() { w.buf.SetLen(w.n) }

// whole returns the bytes of b up to its capacity.
func whole(b pool.Buf) []byte {
	mem := b.Bytes()
	return mem[:cap(mem)]
}
