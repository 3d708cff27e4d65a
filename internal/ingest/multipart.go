package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// multipart finds the parts of a multipart stream (RFC 2046, 5.1), as cameras write it: the declared boundary may have
// the dashes that precede it in the stream or lack them, dashes may follow it in every line, lines may end with LF
// alone, the first part may lack its boundary, its header or both, and a part may have no length.
type multipart struct {
	boundary  []byte // as declared, without dashes before it; may be empty
	delimiter []byte // the line that begins a part, with its dashes; empty until the first was found
	begun     bool   // whether a part was found
	maxSkip   int    // bytes without a delimiter, at most
	length    int64  // what the part's Content-Length says, -1 for nothing
	captured  int64  // what its X-Timestamp says, in microseconds since the Unix epoch, 0 for nothing
}

// maxHeaderBytes bounds the header lines of a part.
const maxHeaderBytes = 16 << 10

func newMultipart(boundary string, maxSkip int) *multipart {
	return &multipart{boundary: bytes.TrimLeft([]byte(boundary), "-"), maxSkip: maxSkip, length: -1}
}

// IsMultipart reports whether a stream that begins with head, its first 10 bytes or more, is a multipart stream: it begins
// with a delimiter, or, where the first is missing, with the header of a part.
func IsMultipart(head []byte) bool {
	head = bytes.TrimLeft(head, "\r\n")
	return bytes.HasPrefix(head, []byte("--")) || isHeader(head)
}

// next reads up to the first byte of the next part. It returns io.EOF when there is none, io.ErrUnexpectedEOF when the
// stream ends in the header of one, and a *FormatError.
func (m *multipart) next(br *bufio.Reader) error {
	m.length, m.captured = -1, 0
	found, err := m.skipToPart(br)
	if err != nil {
		return err
	}
	m.begun = true
	if found == foundJPEG {
		return nil
	}
	begins := true // a line
	for size := 0; size <= maxHeaderBytes; {
		line, whole, err := readLine(br)
		size += len(line) + 1
		switch {
		case err == io.EOF && size == 1:
			return err
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case len(line) == 0 && begins:
			return nil
		}
		m.header(line)
		begins = whole
	}
	return multipartErrorf("header", "got more than %d bytes of a part's header, want an empty line before", maxHeaderBytes)
}

// partStart is where skipToPart stopped.
type partStart uint8

const (
	foundDelimiter partStart = iota // after its line
	foundHeader                     // after the first line of a part's header
	foundJPEG                       // before the first byte of a JPEG
)

// skipToPart reads up to the next part. It returns io.EOF at the end of the stream and after a closing delimiter.
func (m *multipart) skipToPart(br *bufio.Reader) (partStart, error) {
	begins, first := true, len(m.delimiter) == 0 // whether a line begins; whether only empty lines came so far
	for skipped := 0; skipped <= m.maxSkip; {
		b, err := br.Peek(1)
		if first && len(b) > 0 && b[0] == 0xFF {
			return foundJPEG, nil
		}
		if err != nil && err != io.EOF { // It may not come again.
			return 0, err
		}
		line, whole, err := readLine(br)
		if err != nil {
			if err == io.EOF && !m.begun {
				return 0, multipartErrorf("boundary", "got the end of the stream, want a line with the boundary")
			}
			return 0, err
		}
		skipped += len(line) + 1
		if begins && whole {
			found, last := m.isDelimiter(line, first)
			if last {
				return 0, io.EOF
			}
			if found {
				return foundDelimiter, nil
			}
		}
		if first && whole && isHeader(line) {
			m.header(line)
			return foundHeader, nil
		}
		begins, first = whole, first && len(line) == 0
	}
	return 0, multipartErrorf("boundary", "got %d bytes without a line %s", m.maxSkip, quote(m.boundary))
}

// isHeader reports whether line begins a part's header: cameras write a Content-Type or a Content-Length first.
func isHeader(line []byte) bool {
	const prefix = "Content-"
	return len(line) > len(prefix) && bytes.EqualFold(line[:len(prefix)], []byte(prefix))
}

// isDelimiter reports whether a line begins a part, or ends the last one.
func (m *multipart) isDelimiter(line []byte, first bool) (found, last bool) {
	if len(m.delimiter) == 0 && !m.adopt(line, first) {
		return false, false
	}
	rest, ok := bytes.CutPrefix(line, m.delimiter)
	return ok && len(rest) == 0, ok && string(rest) == "--"
}

// adopt makes line the delimiter if it has the declared boundary, or if none was declared. The first line of the stream is
// always adopted: some cameras declare another boundary than they use.
func (m *multipart) adopt(line []byte, first bool) bool {
	name := bytes.TrimLeft(line, "-")
	dashes := len(line) - len(name)
	rest, ok := bytes.CutPrefix(name, m.boundary)
	switch {
	case ok && len(m.boundary) > 0 && (len(rest) == 0 || string(rest) == "--"):
		// A closing delimiter closes nothing before the first part: then every line has those dashes (go2rtc#545).
		m.delimiter = bytes.Clone(line)
	case dashes >= 2 && len(name) > 0 && (first || len(m.boundary) == 0):
		m.delimiter = bytes.Clone(line)
	default:
		return false
	}
	return true
}

// header reads the Content-Length and the X-Timestamp, in seconds since the Unix epoch, if line is one and its value is a number.
func (m *multipart) header(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	text := string(bytes.TrimSpace(value))
	switch name = bytes.TrimSpace(name); {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(text, 10, 64)
		if n >= 0 && !errors.Is(err, strconv.ErrSyntax) { // ParseInt returns the largest number for one out of range.
			m.length = n
		}
	case bytes.EqualFold(name, []byte("X-Timestamp")):
		if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e12 {
			m.captured = int64(math.Round(seconds * 1e6))
		}
	}
}

// endsHere reports whether a line end and a delimiter come next. It waits for them.
func (m *multipart) endsHere(br *bufio.Reader) bool {
	if len(m.delimiter) == 0 {
		return false
	}
	head, _ := br.Peek(len("\r\n") + len(m.delimiter)) // Fewer where the stream ends.
	return bytes.HasPrefix(bytes.TrimLeft(head, "\r\n"), m.delimiter)
}

// readLine returns the next line without its end and trailing blanks, valid until the next read. A line that is too long
// comes in pieces; whole is true for the last one only. It returns io.EOF only at the end of the stream.
func readLine(br *bufio.Reader) (line []byte, whole bool, err error) {
	line, err = br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return line, false, nil
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n\t "), true, err
}
