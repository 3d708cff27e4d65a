package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// Reader returns the frames of a stream one after the other. It is for one goroutine at a time.
type Reader interface {
	// Desc is the geometry of every frame.
	Desc() frame.Desc

	// Next returns the next frame in a buffer from the pool; the caller releases it. It returns io.EOF after the last
	// whole frame, *TruncatedError when the stream ends inside one, pool.ErrBudget when there is no memory (nothing is
	// lost: Next may be called again), and any other error of the stream, wrapped. All but pool.ErrBudget are final:
	// later calls return them again.
	Next() (frame.Frame, error)
}

// bufSize is what a reader buffers: enough to know that a frame follows, and for a line of a Y4M header. bufio.Reader
// reads longer data straight into the frame.
const bufSize = 2 * maxLine

// source reads frames of one geometry.
type source struct {
	br     *bufio.Reader
	desc   frame.Desc
	size   int // bytes of a frame
	pool   *pool.Pool
	frames int   // read whole so far
	err    error // the final error, once there is one
}

// RawReader reads raw video: tightly packed frames, one after the other.
type RawReader struct{ source }

// NewRaw returns a reader of frames of geometry d from r, in memory from p. It borrows both, and may read up to 512
// bytes of r ahead. The error is a *frame.DescError, or a *pool.SizeError for frames that no buffer can hold.
func NewRaw(r io.Reader, d frame.Desc, p *pool.Pool) (*RawReader, error) {
	raw := &RawReader{source{br: bufio.NewReaderSize(r, bufSize), pool: p}}
	if err := raw.setDesc(d); err != nil {
		return nil, err
	}
	return raw, nil
}

// Next returns the next frame, as Reader says.
func (r *RawReader) Next() (frame.Frame, error) {
	if r.err == nil {
		r.err = r.await()
	}
	if r.err != nil {
		return frame.Frame{}, r.err
	}
	return r.readFrame()
}

// Skip reads and discards the next frame, without memory from the pool. It is for callers that got pool.ErrBudget and must
// not wait. The error is what Next returns.
func (r *RawReader) Skip() error {
	if r.err == nil {
		r.err = r.await()
	}
	if r.err != nil {
		return r.err
	}
	return r.skipFrame()
}

// setDesc sets the geometry of every frame. The error is a *frame.DescError or a *pool.SizeError.
func (s *source) setDesc(d frame.Desc) error {
	size, err := d.Size()
	if err != nil {
		return err
	}
	if size > pool.MaxSize {
		return &pool.SizeError{Got: int64(size), Max: pool.MaxSize}
	}
	s.desc, s.size = d, size
	return nil
}

// Desc returns the geometry of every frame.
func (s *source) Desc() frame.Desc { return s.desc }

// await waits for a byte of the stream. It returns io.EOF when there is none, between frames.
func (s *source) await() error {
	_, err := s.br.Peek(1)
	if err != nil && err != io.EOF {
		return s.fail(0, err)
	}
	return err
}

// Await waits until 512 bytes of another frame have arrived, or all of a smaller one. It takes no memory from the pool,
// so that a caller can wait for the stream first and for memory then. It returns io.EOF if the stream has ended between
// frames, and for any other error of the stream what Next would return. An end inside a frame is reported by Next.
func (s *source) Await() error {
	if s.err != nil {
		return s.err
	}
	_, err := s.br.Peek(min(s.size, bufSize))
	switch n := s.br.Buffered(); {
	case err == nil || err == io.EOF && n > 0:
		return nil
	case err == io.EOF:
		return err
	default:
		return s.fail(n, err)
	}
}

// readFrame reads one whole frame, else it returns a *TruncatedError. It gets memory when the first byte has arrived.
func (s *source) readFrame() (frame.Frame, error) {
	if _, err := s.br.Peek(1); err != nil {
		return frame.Frame{}, s.fail(0, err)
	}
	b, err := s.pool.Get(s.size)
	if err != nil {
		return frame.Frame{}, err
	}
	whole := false
	defer func() { // also when the Read of the stream panics
		if !whole {
			b.Release()
		}
	}()
	if n, err := io.ReadFull(s.br, b.Bytes()); err != nil {
		return frame.Frame{}, s.fail(n, err)
	}
	whole = true
	s.frames++
	return frame.FromBuf(s.desc, b)
}

// skipFrame reads and discards one whole frame.
func (s *source) skipFrame() error {
	if n, err := s.br.Discard(s.size); err != nil {
		return s.fail(n, err)
	}
	s.frames++
	return nil
}

// fail makes err, which occurred after got bytes of a frame, the final error, and returns it.
func (s *source) fail(got int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = &TruncatedError{Frame: s.frames, Got: got, Want: s.size}
	} else {
		s.err = fmt.Errorf("ingest: read after %d whole frames and %d bytes: %w", s.frames, got, err)
	}
	return s.err
}
