package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// maxLine caps a line of a Y4M stream, as mjpegtools do (Y4M_LINE_MAX in yuv4mpeg.h).
const maxLine = 256

// defaultMaxPixels is Limits.MaxPixels when it is 0.
const defaultMaxPixels = 50_000_000

// Limits bounds what a stream may declare.
type Limits struct {
	MaxPixels int // width times height; 0 means 50 million
	MaxBytes  int // of a JPEG; 0 means 64 MiB

	// Admit is called, from Next, before the buffer of a JPEG takes that many bytes, and again as it grows, so that the
	// caller can admit them. When it returns pool.ErrBudget, so does Next, and that JPEG is lost. nil: no call.
	Admit func(bytes int) error
}

// Y4MReader reads the frames of a Y4M stream, as I420 or Gray8. Y4M does not state the matrix: it is that of
// UsualColor.
type Y4MReader struct {
	source
	header  y4mHeader
	inFrame bool // whether a line FRAME was read and its samples were not
}

// IsY4M reports whether a stream that begins with head, its first 10 bytes or more, is Y4M.
func IsY4M(head []byte) bool { return bytes.HasPrefix(head, []byte(y4mMagic+" ")) }

// NewY4M reads the header of the Y4M stream r and returns a reader of its frames, in memory from p; it gets none of
// that yet. It borrows both, and may read up to 512 bytes of r ahead. It returns a *FormatError for a malformed header,
// or for samples other than 4:2:0 or mono of 8 bits, a *LimitError above l, a *pool.SizeError, and any error of r,
// wrapped.
func NewY4M(r io.Reader, p *pool.Pool, l Limits) (*Y4MReader, error) {
	y := &Y4MReader{source: source{br: bufio.NewReaderSize(r, bufSize), pool: p}}
	line, err := y.line("header")
	if err != nil {
		return nil, err
	}
	if y.header, err = parseY4MHeader(string(line)); err != nil {
		return nil, err
	}
	d := y.header.desc
	if l.MaxPixels == 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if pixels := int64(d.Width) * int64(d.Height); pixels > int64(l.MaxPixels) {
		return nil, &LimitError{Limit: "pixels", Got: pixels, Max: int64(l.MaxPixels)}
	}
	if err := y.setDesc(d); err != nil {
		return nil, err
	}
	return y, nil
}

// FPS returns the frame rate as the header has it, num frames in den seconds, or 0, 0 when it does not say.
func (y *Y4MReader) FPS() (num, den int) { return y.header.num, y.header.den }

// Next returns the next frame, as Reader says; also a *FormatError when another line than FRAME precedes it. Parameters
// in that line (interlacing) are ignored.
func (y *Y4MReader) Next() (frame.Frame, error) {
	if err := y.begin(); err != nil {
		return frame.Frame{}, err
	}
	f, err := y.readFrame()
	if err == nil {
		y.inFrame = false
	}
	return f, err
}

// Skip reads the next frame and throws it away, as RawReader's does.
func (y *Y4MReader) Skip() error {
	if err := y.begin(); err != nil {
		return err
	}
	y.inFrame = false
	return y.skipFrame()
}

// begin reads up to the samples of the next frame.
func (y *Y4MReader) begin() error {
	if y.err == nil && !y.inFrame {
		y.err = y.frameLine()
	}
	y.inFrame = y.err == nil
	return y.err
}

// frameLine reads the line before a frame. It returns io.EOF when the stream ends before that line.
func (y *Y4MReader) frameLine() error {
	if err := y.await(); err != nil {
		return err
	}
	line, err := y.line("frame")
	if err != nil {
		return err
	}
	if rest, ok := bytes.CutPrefix(line, []byte("FRAME")); !ok || len(rest) > 0 && rest[0] != ' ' {
		return y4mErrorf("frame", "got line %s after %d whole frames, want FRAME", quote(line), y.frames)
	}
	return nil
}

// line returns the next line of the header or before a frame, as what says, without its end. The line is valid until
// the next read.
func (y *Y4MReader) line(what string) ([]byte, error) {
	line, err := y.br.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull || len(line) > maxLine:
		return nil, y4mErrorf(what, "got a line of more than %d bytes that begins %s", maxLine, quote(line))
	case err == io.EOF && what == "header":
		return nil, y4mErrorf(what, "got %s and the end of the stream, want a line that begins %s", quote(line), y4mMagic)
	case err == io.EOF:
		return nil, y.fail(0, err)
	case err != nil:
		return nil, fmt.Errorf("ingest: Y4M %s: %w", what, err)
	}
	return line[:len(line)-1], nil
}

// quote returns the beginning of line, quoted.
func quote(line []byte) string { return fmt.Sprintf("%.32q", line) }
