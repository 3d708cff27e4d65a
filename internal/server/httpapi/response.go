package httpapi

import (
	"bytes"
	"net/http"
	"time"
)

// responsePieceBytes are written to a response at a time. Each piece must be taken within live.stall, for net/http does not go on
// after a write that failed in its middle.
const responsePieceBytes = 64 << 10

// response is an answer that net/http writes.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

func newResponse(w http.ResponseWriter, stall time.Duration) *response {
	return &response{w: w, control: http.NewResponseController(w), stall: stall}
}

// WriteParts is part of sink.
func (r *response) WriteParts(head, body, tail []byte) error {
	for _, p := range [...][]byte{head, body, tail} {
		if err := r.pieces(p); err != nil {
			return err
		}
	}
	return r.control.Flush()
}

// pieces writes p in pieces.
func (r *response) pieces(p []byte) error {
	for len(p) > 0 {
		if err := r.control.SetWriteDeadline(time.Now().Add(r.stall)); err != nil {
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

// responseHead returns the head of an answer of 200 with the headers h, for a connection taken from net/http.
func responseHead(h http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&b) // It goes to memory.
	b.WriteString("\r\n")
	return b.Bytes()
}
