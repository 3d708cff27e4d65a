package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

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
type RawReader struct {
	source
	lines    bool
	waits    bool  // the line of the next frame was read
	captured int64 // what it said
}

// NewRaw returns a reader of frames of geometry d from r, in memory from p. It borrows both, and may read up to 512
// bytes of r ahead. The error is a *frame.DescError, or a *pool.SizeError for frames that no buffer can hold.
func NewRaw(r io.Reader, d frame.Desc, p *pool.Pool) (*RawReader, error) {
	raw := &RawReader{source: source{br: bufio.NewReaderSize(r, bufSize), pool: p}}
	if err := raw.setDesc(d); err != nil {
		return nil, err
	}
	return raw, nil
}

// NewLines is NewRaw for frames that each begin with a line of text, all of whose words but the first may be left out:
//
//	FRAME captured_us=1764480000000000
//
// captured_us is when the frame was captured, in microseconds since the Unix epoch.
func NewLines(r io.Reader, d frame.Desc, p *pool.Pool) (*RawReader, error) {
	raw, err := NewRaw(r, d, p)
	if err == nil {
		raw.lines = true
	}
	return raw, err
}

// Captured returns what the line of the frame says that Await has waited for, and Next returned: microseconds since the Unix epoch; 0:
// nothing.
func (r *RawReader) Captured() int64 { return r.captured }

// Await waits as that of all readers does, first for the line of a frame. That is a *FormatError if it is wrong.
func (r *RawReader) Await() error {
	if err := r.begin(); err != nil {
		return err
	}
	return r.inFrame(r.source.Await())
}

// begin waits for the beginning of a frame, of which the line is read.
func (r *RawReader) begin() error {
	if r.err == nil {
		r.err = r.await()
	}
	if !r.lines || r.waits {
		return r.inFrame(r.err)
	}
	if r.err != nil {
		return r.err
	}
	r.captured = 0
	if err := r.readLine(); err != nil {
		return err
	}
	r.waits = true
	return r.inFrame(r.await())
}

// inFrame returns the error of a read. Where a line has begun a frame, the stream may not end.
func (r *RawReader) inFrame(err error) error {
	if err == io.EOF && r.waits {
		return r.fail(0, io.ErrUnexpectedEOF)
	}
	return err
}

// readLine reads the line that begins a frame.
func (r *RawReader) readLine() error {
	words, err := r.words("FRAME", "frame", r.frames, "captured_us=T")
	if err != nil {
		return err
	}
	for _, w := range words {
		name, value, _ := bytes.Cut(w, []byte("="))
		if string(name) != "captured_us" {
			return r.wrongLine("frame", r.frames, "line", "got %.40q, want captured_us=T", w)
		}
		if r.captured, err = parseCaptured(value); err != nil {
			return r.wrongLine("frame", r.frames, "captured_us", "%v", err)
		}
	}
	return nil
}

// words reads a line, whose first word must be that, and returns the others, valid until the next read. A wrong line is a
// *FormatError about what[index], which is final; want are the words that it may have.
func (s *source) words(first, what string, index int, want string) ([][]byte, error) {
	line, err := s.br.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, s.wrongLine(what, index, "line", "got more than %d bytes that begin %.20q", s.br.Size(), line)
	case err != nil:
		return nil, s.fail(len(line), err)
	}
	words := bytes.Fields(line)
	if len(words) == 0 || string(words[0]) != first {
		return nil, s.wrongLine(what, index, "line", "got %.40q, want %s %s", line, first, want)
	}
	return words[1:], nil
}

// wrongLine makes the error for a line the final one, and returns it.
func (s *source) wrongLine(what string, index int, field, format string, args ...any) error {
	s.err = &FormatError{Stream: fmt.Sprintf("%s %d", what, index), Field: field, Reason: fmt.Sprintf(format, args...)}
	return s.err
}

// parseCaptured returns the time of a capture.
func parseCaptured(value []byte) (int64, error) {
	us, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || us <= 0 {
		return 0, fmt.Errorf("got %.40q, want microseconds since the Unix epoch", value)
	}
	return us, nil
}

// Next returns the next frame, as Reader says.
func (r *RawReader) Next() (frame.Frame, error) {
	if err := r.begin(); err != nil {
		return frame.Frame{}, err
	}
	f, err := r.readFrame()
	if err == nil {
		r.waits = false
	}
	return f, err
}

// Skip reads and discards the next frame, without memory from the pool. It is for callers that got pool.ErrBudget and must
// not wait. The error is what Next returns.
func (r *RawReader) Skip() error {
	if err := r.begin(); err != nil {
		return err
	}
	r.waits = false
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
