package reuse

import "github.com/steadyframe/steadyframe/pool"

// Writer appends to a buffer of a pool, and moves to a larger one when it is full.
type Writer struct {
	pool  *pool.Pool
	buf   *pool.Buf // where its owner keeps it
	mem   []byte    // all of buf
	n     int       // bytes written
	bound int       // nothing larger is asked for unless it is needed
}

// Open starts at the end of *buf, which is empty at first: then it gets a buffer for size bytes.
func (w *Writer) Open(p *pool.Pool, buf *pool.Buf, size, bound int) error {
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
	w.mem = wholeOf(*buf)
	return nil
}

// Write appends data.
func (w *Writer) Write(data []byte) error {
	if err := w.Reserve(len(data)); err != nil {
		return err
	}
	w.n += copy(w.mem[w.n:], data)
	return nil
}

// Reserve makes room for n more bytes: it doubles what is too small, as far as its bound.
func (w *Writer) Reserve(n int) error {
	need := w.n + n
	if need <= len(w.mem) {
		return nil
	}
	b, err := w.pool.Get(max(need, min(2*len(w.mem), w.bound)))
	if err != nil {
		return err
	}
	mem := wholeOf(b)
	copy(mem, w.mem[:w.n])
	w.buf.Release()
	*w.buf, w.mem = b, mem
	return nil
}

// Close sets the buffer's length to what was written.
func (w *Writer) Close() { w.buf.SetLen(w.n) }

// wholeOf returns the bytes of b up to its capacity.
func wholeOf(b pool.Buf) []byte {
	mem := b.Bytes()
	return mem[:cap(mem)]
}

// Len returns the bytes written.
func (w *Writer) Len() int { return w.n }
