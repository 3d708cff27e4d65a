package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// webSocket serves any number of streams over one connection; message.go describes the messages. It returns a
// *fault.Error for a request that asks for no WebSocket, and for one from a page of another origin, since a browser
// lets any page open one.
func (h *viewers) webSocket(w http.ResponseWriter, r *http.Request) error {
	if h.engine.IsDraining() {
		return fault.Errorf(fault.Draining, "the server is stopping")
	}
	if !auth.From(r.Context()).IsLink() {
		if err := h.pages.Check(r); err != nil {
			return err
		}
	}
	u := &upgrade{ResponseWriter: w, handler: h, request: r}
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
	s := newSession(h, r, ws, u)
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
	request *http.Request
	conn    *conn.Hijacked // once hijacked
	in      *pacedInput    // reads from conn
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
	u.conn, u.in = c, &pacedInput{Hijacked: c, engine: u.handler.engine, ctx: u.request.Context()}
	const longest = maxFrameHead + 125 // of the control frames, which are all that package websocket writes
	return u.in, bufio.NewReadWriter(c.In, bufio.NewWriterSize(c, longest)), nil
}

// pacedInput is what a viewer sends, as package websocket reads it. Acknowledgements of images that were sent are read at once.
// Whatever else comes, messages, pings or parts of them, is read as fast as requests that take no turn are served: a viewer that
// always has more to read would keep its goroutines running, and others waiting. One that goes on is disconnected, or what it has left
// in the socket would hold the connection for minutes. Read is for one goroutine.
type pacedInput struct {
	*conn.Hijacked
	engine *engine.Engine
	ctx    context.Context // of the client
	owed   atomic.Int64    // bytes of acknowledgements that may come
	began  time.Time       // when what was read last came; zero: it was owed
	over   atomic.Bool     // nothing more comes; Close, which waits for the viewer's, reads too

	held        int // reads that had to wait, without heldPause between two of them
	first, last time.Time
}

// errFlood is the error of Read when a viewer sends far too much.
var errFlood = errors.New("httpapi: too many messages")

const (
	// owedBytes is how long the frame of an acknowledgement is (RFC 6455, 5.2), masked as those of viewers are.
	owedBytes = 2 + 4 + ackBytes
	// owedMost are those of all images that may be unacknowledged.
	owedMost = owedBytes * maxUnacked * maxWatched
	// inputBytes are read at a time: some messages, which take about as long as a request.
	inputBytes = 128
	// heldMost reads may have to wait, some hundred messages beyond those of usual viewers, and more within heldLong, without
	// heldPause between two of them.
	heldMost  = 50
	heldLong  = 5 * time.Second
	heldPause = 10 * time.Second
)

// owe notes that an image was sent, which the viewer will acknowledge.
func (c *pacedInput) owe() {
	if c.owed.Load() < owedMost {
		c.owed.Add(owedBytes)
	}
}

// Read is part of net.Conn.
func (c *pacedInput) Read(p []byte) (int, error) {
	if !c.began.IsZero() && c.engine.Pace(c.ctx, time.Since(c.began)) {
		now := time.Now()
		if now.Sub(c.last) > heldPause {
			c.held, c.first = 0, now
		}
		c.last = now
		c.held++
	}
	if c.held > heldMost && c.last.Sub(c.first) > heldLong {
		c.over.Store(true)
		return 0, errFlood
	}
	n, err := c.Hijacked.Read(p[:min(len(p), inputBytes)])
	if err != nil {
		c.over.Store(true)
	}
	c.began = time.Time{}
	if c.owed.Add(int64(-n)) < 0 {
		c.owed.Add(int64(n))
		c.began = time.Now()
	}
	return n, err
}

// pong responds to a ping and keeps package websocket from doing so, which would give up after five seconds, and with
// it the connection: an image on its way to a slow viewer may take longer.
func (u *upgrade) pong(_ context.Context, payload []byte) bool {
	var head [maxFrameHead]byte
	_ = u.conn.WriteParts(appendFrameHead(head[:0], framePong, len(payload)), payload, nil) // If it fails, so does the next image.
	return false
}

// unread returns why nothing more is read of a viewer.
func unread(err error) *fault.Error {
	if errors.Is(err, errFlood) {
		return violation("too many messages that acknowledge no image: want less than about 1000 a second")
	}
	return gone(err)
}

// read passes the viewer's messages on until the connection ends or the viewer breaks the protocol. It returns why.
func (s *session) read() *fault.Error {
	buf := make([]byte, maxMessage+1)
	for {
		// Not bound to a context, which would allocate with each message: the connection's end ends it.
		kind, r, err := s.ws.Reader(context.Background())
		if err != nil {
			return unread(err)
		}
		n, err := io.ReadFull(r, buf)
		if err != nil && s.in.over.Load() { // Package websocket tells the end of the connection inside a message as that of the message.
			return unread(err)
		}
		switch err {
		case io.EOF, io.ErrUnexpectedEOF: // of the message
		case nil:
			return violation("message: got more than %d bytes", maxMessage)
		default:
			return unread(err)
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
