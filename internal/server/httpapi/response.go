package httpapi

import (
	"bytes"
	"net/http"
	"os"
	"sync"
	"time"
)

// responsePieceBytes are written to a response at a time. The viewer must read each piece within live.stall: net/http
// cannot go on after a write that failed in its middle.
const responsePieceBytes = 64 << 10

// response is a response that net/http writes.
type response struct {
	w        http.ResponseWriter
	deadline *deadline
	stall    time.Duration

	mu   sync.Mutex
	over bool // cut, or ended: no more deadlines are set
}

// newResponse returns the response to r, which is w. The handler calls end before it returns.
func newResponse(w http.ResponseWriter, r *http.Request, stall time.Duration) *response {
	return &response{w: w, deadline: newDeadline(w, r), stall: stall}
}

// WriteParts is part of sink.
func (r *response) WriteParts(head, body, tail []byte) error {
	for _, p := range [...][]byte{head, body, tail} {
		if err := r.pieces(p); err != nil {
			return r.failed(err)
		}
	}
	if err := r.deadline.control.Flush(); err != nil {
		return r.failed(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.deadline.none() // The next image may be a long way off.
	}
	return nil
}

// failed returns why a write failed with err.
func (r *response) failed(err error) error {
	if r.deadline.missed() {
		return os.ErrDeadlineExceeded
	}
	return err
}

// pieces writes p in pieces.
func (r *response) pieces(p []byte) error {
	for len(p) > 0 {
		if err := r.extend(); err != nil {
			return err
		}
		n, err := r.w.Write(p[:min(len(p), responsePieceBytes)])
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// extend sets the time within which the next piece must be read.
func (r *response) extend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return os.ErrDeadlineExceeded
	}
	return r.deadline.within(r.stall)
}

// cut ends a write in progress, and all later ones. It may be called from any goroutine.
func (r *response) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over = true
		_ = r.deadline.within(0) // If it fails, there is nothing to cut.
	}
}

// end makes cut do nothing any more: net/http uses the response's memory again when its handler has returned.
func (r *response) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.deadline.forget()
}

// responseHead returns the head of a response of 200 with the headers h, for a connection hijacked from net/http.
func responseHead(h http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&b) // It goes to memory.
	b.WriteString("\r\n")
	return b.Bytes()
}
