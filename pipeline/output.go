package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/pool"
)

// output makes pictures of frames. It is immutable but for its guess of sizes, and shared by all workers.
type output interface {
	// encode makes bands first..last-1 of sc.frame, which is that of fr, as part n of fr.parts.
	encode(sc *scratch, r *run, fr *frameRun, n, first, last int) error
	// join makes fr.parts[0] the whole picture, of its final length. All parts are finished.
	join(fr *frameRun) error
	// expected returns the bytes that the next picture is thought to take, bound those that none exceeds.
	expected() int
	bound() int
	// bands returns the bands of a picture, and after how many of them each it can be split.
	bands() (total, unit int)
	// newScratch returns the memory of one worker, of scratchBytes together.
	newScratch() *scratch
	scratchBytes() int
	// explain returns a line for each stage, with the kernels chosen.
	explain() []string
}

// scratch is the memory that one worker needs to make bands, and the frame that it makes them of.
type scratch struct {
	frame frame.Frame // borrows what Run borrows; zero between runs
	band  *band.Scratch
	code  *jpegcore.Scratch // nil for raw pictures
}

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
