package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"
)

// takenOver is an HTTP/1.1 connection that carries one endless answer and then ends. It is taken from net/http before
// the body is read, since net/http's chunked encoding allocates with each Write, which an endless answer has one of for
// each batch.
//
// It is an http.ResponseWriter and has the methods that http.ResponseController looks for.
type takenOver struct {
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	header  http.Header
	status  int
	chunked bool // whether the answer has no Content-Length
	sent    bool // whether the header is
	expects bool // whether the caller waits for 100 Continue before it sends the body
	digits  [16]byte
}

// wantsTakeover reports whether r is a request whose answer may have no end, over a connection that can be taken over:
// HTTP/2's cannot.
func wantsTakeover(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.ProtoMinor == 1 && (r.ContentLength < 0 || acceptsMotionJPEG(r))
}

// takeOver takes r's connection from net/http, and returns it and what reads its body.
func takeOver(w http.ResponseWriter, r *http.Request) (*takenOver, io.Reader, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t := &takenOver{conn: conn, in: rw.Reader, out: rw.Writer, header: http.Header{}, status: http.StatusOK, expects: strings.EqualFold(r.Header.Get("Expect"), "100-continue")}
	if r.ContentLength >= 0 {
		return t, &wholeReader{t, r.ContentLength}, nil
	}
	return t, httputil.NewChunkedReader(bufio.NewReader(continueReader{t})), nil
}

// continueReader says 100 Continue before the first read, if the caller waits for it.
type continueReader struct{ t *takenOver }

func (c continueReader) Read(p []byte) (int, error) {
	if c.t.expects {
		c.t.expects = false
		if _, err := io.WriteString(c.t.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return 0, err
		}
	}
	return c.t.in.Read(p)
}

// wholeReader reads a body of known length.
type wholeReader struct {
	t    *takenOver
	left int64
}

func (w *wholeReader) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := continueReader{w.t}.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Header is part of http.ResponseWriter.
func (t *takenOver) Header() http.Header { return t.header }

// WriteHeader is part of http.ResponseWriter.
func (t *takenOver) WriteHeader(status int) { t.status = status }

// Write is part of http.ResponseWriter.
func (t *takenOver) Write(p []byte) (int, error) {
	if err := t.sendHeader(); err != nil || len(p) == 0 {
		return 0, err
	}
	if !t.chunked {
		return t.out.Write(p)
	}
	head := append(strconv.AppendInt(t.digits[:0], int64(len(p)), 16), "\r\n"...)
	if _, err := t.out.Write(head); err != nil {
		return 0, err
	}
	n, err := t.out.Write(p)
	if err != nil {
		return n, err
	}
	_, err = t.out.WriteString("\r\n")
	return n, err
}

func (t *takenOver) sendHeader() error {
	if t.sent {
		return nil
	}
	t.sent = true
	t.chunked = t.header.Get("Content-Length") == ""
	if t.chunked {
		t.header.Set("Transfer-Encoding", "chunked")
	}
	t.header.Set("Connection", "close")
	t.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if _, err := fmt.Fprintf(t.out, "HTTP/1.1 %d %s\r\n", t.status, http.StatusText(t.status)); err != nil {
		return err
	}
	if err := t.header.Write(t.out); err != nil {
		return err
	}
	_, err := t.out.WriteString("\r\n")
	return err
}

// FlushError is for http.ResponseController.
func (t *takenOver) FlushError() error { return t.out.Flush() }

// SetReadDeadline is for http.ResponseController.
func (t *takenOver) SetReadDeadline(d time.Time) error { return t.conn.SetReadDeadline(d) }

// SetWriteDeadline is for http.ResponseController.
func (t *takenOver) SetWriteDeadline(d time.Time) error { return t.conn.SetWriteDeadline(d) }

// EnableFullDuplex is for http.ResponseController: it always is.
func (t *takenOver) EnableFullDuplex() error { return nil }

// finish ends the answer properly, with the trailer that its header announced, if that is set, and the connection with
// it.
func (t *takenOver) finish() {
	err := t.sendHeader()
	if err == nil && t.chunked {
		_, err = t.out.WriteString("0\r\n")
		if v := t.header.Get(trailerError); err == nil && v != "" {
			err = http.Header{trailerError: {v}}.Write(t.out)
		}
		if err == nil {
			_, err = t.out.WriteString("\r\n")
		}
	}
	if err == nil {
		err = t.out.Flush()
	}
	if w, ok := t.conn.(interface{ CloseWrite() error }); ok && err == nil {
		t.linger(w.CloseWrite)
	}
	_ = t.conn.Close() // All was flushed, or cannot be.
}

// breakOff ends the connection inside the answer, after what was written.
func (t *takenOver) breakOff() {
	_ = t.out.Flush() // As far as that goes.
	_ = t.conn.Close()
}

// lingerTime and lingerBytes are how long and how much a caller may go on sending after the end of its answer. Closing
// at once would reset the connection under it, and the end of the answer could be lost (RFC 9112, 9.6).
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// linger ends the sending direction and waits for the caller to end the other.
func (t *takenOver) linger(closeWrite func() error) {
	if closeWrite() != nil || t.conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, t.in, lingerBytes) // What it is and how it ends is of no interest.
}
