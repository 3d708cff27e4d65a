package httpapi

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// webSocket serves any number of streams over one connection; message.go describes the messages. It returns a
// *fault.Error for a request that asks for no WebSocket, and for one from a page of another origin, since a browser
// lets any page open one.
func (h *viewers) webSocket(w http.ResponseWriter, r *http.Request) error {
	if h.engine.IsDraining() {
		return fault.Errorf(fault.Draining, "the server is stopping")
	}
	if err := h.pages.Check(r); err != nil {
		return err
	}
	u := &upgrade{ResponseWriter: w, handler: h}
	ws, err := websocket.Accept(u, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, // the origin was checked
		OnPingReceived: u.pong})
	if err != nil {
		if u.conn != nil {
			h.release(u.conn)
			return nil
		}
		w.Header().Del("Connection") // Over HTTP/2 a response with these is malformed (RFC 9113, 8.2.2).
		w.Header().Del("Upgrade")
		return fault.Errorf(fault.Invalid, "%s", strings.TrimPrefix(err.Error(), "failed to accept WebSocket connection: "))
	}
	defer h.release(u.conn)
	begin := time.Now()
	s := newSession(h, r, ws, u.conn)
	why := s.run()
	s.end(why)
	h.ended(r, "websocket", "", begin, why)
	return nil
}

// upgrade lets package websocket respond to the handshake and hijack the connection. It keeps the package's refusals
// from being written, so that they become problem documents as others do. The connection that the package gets sends
// each of its own frames in one write, so that they do not mix with images.
type upgrade struct {
	http.ResponseWriter
	handler *viewers
	conn    *conn.Hijacked // once hijacked
}

// WriteHeader is part of http.ResponseWriter.
func (u *upgrade) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		u.ResponseWriter.WriteHeader(status)
	}
}

// Write is part of http.ResponseWriter.
func (u *upgrade) Write(p []byte) (int, error) { return len(p), nil }

// Hijack is part of http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, err := u.handler.hijack(u.ResponseWriter)
	if err != nil {
		return nil, nil, err
	}
	u.conn = c
	const longest = maxFrameHead + 125 // of the control frames, which are all that package websocket writes
	return c, bufio.NewReadWriter(c.In, bufio.NewWriterSize(c, longest)), nil
}

// pong responds to a ping and keeps package websocket from doing so, which would give up after five seconds, and with
// it the connection: an image on its way to a slow viewer may take longer.
func (u *upgrade) pong(_ context.Context, payload []byte) bool {
	var head [maxFrameHead]byte
	_ = u.conn.WriteParts(appendFrameHead(head[:0], framePong, len(payload)), payload, nil) // If it fails, so does the next image.
	return false
}

// read passes the viewer's messages on until the connection ends or the viewer breaks the protocol. It returns why.
func (s *session) read() *fault.Error {
	buf := make([]byte, maxMessage+1)
	for {
		// Not bound to a context, which would allocate with each message: the connection's end ends it.
		kind, r, err := s.ws.Reader(context.Background())
		if err != nil {
			return gone(err)
		}
		n, err := io.ReadFull(r, buf)
		switch err {
		case io.EOF, io.ErrUnexpectedEOF: // of the message
		case nil:
			return violation("message: got more than %d bytes", maxMessage)
		default:
			return gone(err)
		}
		parse := parseText
		if kind == websocket.MessageBinary {
			parse = parseAck
		}
		m, f := parse(buf[:n])
		if f != nil {
			return f
		}
		select {
		case s.messages <- m:
		case <-s.ended:
			return errStopping
		}
	}
}
