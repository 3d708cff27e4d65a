package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/pool"
)

const (
	// defaultMaxBytes is Limits.MaxBytes when it is 0.
	defaultMaxBytes = 64 << 20
	// jpegBufSize is what a JPEGReader buffers. Longer reads bypass the buffer.
	jpegBufSize = 4 << 10
	// maxJPEG leaves room in the largest buffer for what is reserved ahead.
	maxJPEG = pool.MaxSize - 2*jpegBufSize
	// maxPadding is how many bytes of padding may stand between two JPEGs.
	maxPadding = 64 << 10
)

// JPEG is one image of a stream. Its owner releases Buf.
type JPEG struct {
	Buf           pool.Buf // all of it, from SOI to EOI
	Width, Height int
	Components    int  // 1 for gray, 3 for color, 4 for CMYK
	Progressive   bool // or else baseline, or extended sequential
}

// JPEGReader reads a stream of JPEGs. It finds the end of each by its markers and the lengths of its segments, and reads
// it into a buffer that grows with what has come. It is for one goroutine at a time.
//
// A JPEG without Huffman tables, which some cameras leave out as AVI does, gets the standard ones (T.81, K.3): browsers
// show nothing without them. All others are returned unchanged, also those without a JFIF header.
type JPEGReader struct {
	br     *bufio.Reader
	pool   *pool.Pool
	limits Limits
	parts  *multipart // nil where JPEGs come one after the other

	scan    jpegScan
	inside  bool // whether the next byte is one of the JPEG that scan follows
	resumed bool // whether SOI of that JPEG was read with the one before it, which was cut
	lost    bool // whether the rest of that JPEG is to be discarded
	usual   int  // bytes of the last JPEG
	count   int  // JPEGs read whole so far
	err     error
}

// IsJPEG reports whether a stream that begins with head, its first 3 bytes or more, is JPEGs one after the other.
func IsJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) }

// NewJPEG returns a reader of the JPEGs of r, which come one after the other, perhaps with zeros or line ends between,
// in memory from p. It borrows both, and may read up to 4 KiB of r ahead.
func NewJPEG(r io.Reader, p *pool.Pool, l Limits) *JPEGReader {
	if l.MaxPixels == 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = defaultMaxBytes
	}
	l.MaxBytes = min(l.MaxBytes, maxJPEG)
	return &JPEGReader{br: bufio.NewReaderSize(r, jpegBufSize), pool: p, limits: l}
}

// NewMultipart returns a reader of the JPEGs in the parts of the multipart stream r (multipart/x-mixed-replace and its
// kin), with that boundary, or, where it is empty, the one that the stream begins with. It borrows r and p, and may read
// up to 4 KiB of r ahead.
func NewMultipart(r io.Reader, boundary string, p *pool.Pool, l Limits) *JPEGReader {
	j := NewJPEG(r, p, l)
	j.parts = newMultipart(boundary, j.limits.MaxBytes)
	return j
}

// Await waits for the first byte of another JPEG. It takes no memory from the pool. It returns io.EOF when the stream
// has ended between JPEGs, and for any other error of the stream what Next would return.
func (r *JPEGReader) Await() error {
	if r.err != nil {
		return r.err
	}
	if r.lost {
		if _, err := r.follow(nil); err != nil {
			return err
		}
	}
	if r.inside {
		return nil
	}
	r.scan = jpegScan{}
	if err := r.seek(); err != nil {
		return r.fail(err)
	}
	r.inside = true
	return nil
}

// seek reads up to the first byte of a JPEG, and waits for that.
func (r *JPEGReader) seek() error {
	if r.parts == nil {
		return r.skipPadding()
	}
	if err := r.parts.next(r.br); err != nil {
		return err
	}
	if got := r.parts.length; got > int64(r.limits.MaxBytes) {
		return &LimitError{Limit: "bytes", Got: got, Max: int64(r.limits.MaxBytes)}
	}
	_, err := r.br.Peek(1)
	return err
}

// Captured returns what the part of the JPEG that Await has waited for says of when it was captured, as servers of MJPEG do in
// X-Timestamp: microseconds since the Unix epoch; 0: nothing.
func (r *JPEGReader) Captured() int64 {
	if r.parts == nil || r.resumed {
		return 0
	}
	return r.parts.captured
}

// Next returns the next JPEG; the caller releases its Buf. It returns io.EOF after the last whole one,
// *TruncatedError when the stream ends inside one, *JPEGError for one that is broken, *LimitError for one above the
// Limits, pool.ErrBudget when there is no memory, and any other error of the stream, wrapped. After pool.ErrBudget that
// JPEG is lost and Next gives the one after it. The same holds after a *JPEGError that is not Final: of a JPEG in a
// multipart stream, or of one that was cut short where the next begins. All other errors are final: later calls return
// them again.
func (r *JPEGReader) Next() (JPEG, error) {
	if err := r.Await(); err != nil {
		return JPEG{}, err
	}
	b := growing{pool: r.pool, admit: r.limits.Admit}
	if err := b.reserve(r.usual + jpegBufSize + tablesBytes); err != nil {
		r.lost = true
		return JPEG{}, err
	}
	if r.resumed {
		b.append([]byte{0xFF, markerSOI})
		r.resumed = false
	}
	whole := false
	defer func() { // also when the Read of the stream panics
		if !whole {
			b.buf.Release()
		}
	}()
	p, err := r.follow(&b)
	whole = err == nil
	return p, err
}

// follow reads the JPEG that scan follows to its end, into b unless that is nil. The error is what Next returns.
func (r *JPEGReader) follow(b *growing) (JPEG, error) {
	for {
		chunk, err := r.chunk()
		if err != nil {
			return JPEG{}, r.broken(err)
		}
		if b != nil {
			if err := b.reserve(len(chunk) + tablesBytes); err != nil {
				r.lost = true
				return JPEG{}, err
			}
		}
		n, stop, err := r.scan.advance(chunk)
		if b != nil {
			b.append(chunk[:n])
			if stop == scanNoTables {
				b.insertTables()
			}
		}
		r.br.Discard(n) // It was peeked.
		if limit := r.checkLimits(); limit != nil {
			err = limit
		}
		if err != nil {
			return JPEG{}, r.broken(err)
		}
		if stop == scanEnd {
			return r.end(b), nil
		}
	}
}

// end returns the JPEG, which is whole.
func (r *JPEGReader) end(b *growing) JPEG {
	r.inside, r.lost = false, false
	r.count++
	s := &r.scan
	p := JPEG{Width: s.width, Height: s.height, Components: s.components, Progressive: s.progressive}
	if b != nil {
		r.usual = b.buf.Len()
		p.Buf = b.buf
	}
	return p
}

// chunk returns the buffered bytes of the stream, at least one, and none beyond the length that the part declares.
// Discard consumes them.
func (r *JPEGReader) chunk() ([]byte, error) {
	if _, err := r.br.Peek(1); err != nil {
		return nil, err
	}
	chunk, err := r.br.Peek(r.br.Buffered())
	if err != nil || r.parts == nil || r.parts.length < 0 {
		return chunk, err
	}
	if left := r.parts.length - int64(r.scan.size); left > 0 {
		return chunk[:min(left, int64(len(chunk)))], nil
	}
	if r.parts.endsHere(r.br) {
		return nil, r.scan.errorf("the part ends before the JPEG: got %d bytes, as its Content-Length says", r.scan.size)
	}
	r.parts.length = -1 // The declared length is wrong: the JPEG goes on.
	return chunk, nil
}

// checkLimits returns a *LimitError for a JPEG above the Limits.
func (r *JPEGReader) checkLimits() error {
	if most := int64(r.limits.MaxBytes); int64(r.scan.size) > most {
		return &LimitError{Limit: "bytes", Got: most + 1, Max: most} // The real size is unknown.
	}
	if got := r.scan.width * r.scan.height; got > r.limits.MaxPixels {
		return &LimitError{Limit: "pixels", Got: int64(got), Max: int64(r.limits.MaxPixels)}
	}
	return nil
}

// skipPadding reads zeros and line ends.
func (r *JPEGReader) skipPadding() error {
	for range maxPadding {
		b, err := r.br.Peek(1)
		if err != nil || b[0] != 0 && b[0] != '\r' && b[0] != '\n' {
			return err
		}
		r.br.Discard(1) // It was peeked.
	}
	return &JPEGError{Reason: fmt.Sprintf("got %d bytes of padding, want a JPEG", maxPadding)}
}

// broken returns err, which occurred inside a JPEG, as Next does. It is final unless it concerns that JPEG alone.
func (r *JPEGReader) broken(err error) error {
	r.inside, r.resumed, r.lost = false, false, false
	var broken *JPEGError
	isBroken := errors.As(err, &broken)
	if isBroken && r.scan.marker == markerSOI {
		r.resume()
	}
	if isBroken && (r.parts != nil || r.inside) {
		broken.Index = r.count
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return r.fail(err)
}

// resume makes the JPEG whose SOI stood inside the one before it the next.
func (r *JPEGReader) resume() {
	r.scan = jpegScan{state: wantMarker, size: len("\xff\xd8")}
	r.inside, r.resumed = true, true
	if r.parts != nil {
		r.parts.length = -1 // It was the length of the other JPEG.
	}
}

// fail makes err the final error, and returns it.
func (r *JPEGReader) fail(err error) error {
	var broken *JPEGError
	var limit *LimitError
	var format *FormatError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = &TruncatedError{Frame: r.count, Got: r.scan.size}
	case errors.As(err, &broken):
		broken.Index, broken.Final = r.count, true
	case errors.Is(err, io.EOF), errors.As(err, &limit), errors.As(err, &format):
	default:
		err = fmt.Errorf("ingest: read after %d whole JPEGs and %d bytes: %w", r.count, r.scan.size, err)
	}
	r.err = err
	return err
}
