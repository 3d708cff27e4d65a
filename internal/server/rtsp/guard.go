package rtsp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

const (
	// maxMessage bounds a request with its body, and a packet of RTCP: what clients send are some hundred bytes.
	maxMessage = 8 << 10
	// maxReports bounds the RTCP that a client sends on its connection within a second. ffmpeg sends 3 KB for 10 MB of images.
	maxReports = 256 << 10
	// idle is how long a client that plays nothing may be silent between two requests. Players say that they are there twice a minute.
	idle = time.Minute
)

// guarded is a connection of a client. gortsplib reads from it only requests that have come in whole, of bounded size and time, so that
// it allocates nothing for what was merely announced: it would read 255 headers of 2.5 KB, and make 128 KiB for a body as soon as its
// length has come. It writes responses; images and sound are written beside it, whole packets at a time.
type guarded struct {
	*conn.Hijacked
	server *Server
	base   *conn.Conn
	ctx    context.Context // with the engine's client
	peer   string

	in       []byte // what was read: in[from:to] is still to be looked at
	from, to int
	whole    int       // bytes of that which are a whole request
	began    time.Time // when a request began to come in; zero: none has
	requests int       // that were passed on
	playing  atomic.Bool

	second  time.Time // when the second began that reports counts in
	reports int       // bytes

	// These are for the goroutine that handles requests.
	method  string    // of the request
	started time.Time // when it came
	begin   func()    // to be called once its response is written; nil: nothing
}

func newGuarded(s *Server, accepted net.Conn) *guarded {
	g := &guarded{
		server: s, base: conn.Of(accepted), peer: accepted.RemoteAddr().String(), in: make([]byte, maxMessage),
		ctx: engine.WithClient(context.Background(), new(engine.Client)),
	}
	g.Hijacked = conn.NewHijacked(accepted, nil, time.Duration(s.engine.Config.Live.Stall), s.engine.Draining())
	g.LimitUnsent(unsentBytes)
	return g
}

// SetDeadline does nothing, as the two after it: the deadlines of reads are those of readMore, those of writes conn.Hijacked's.
func (g *guarded) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is described at SetDeadline.
func (g *guarded) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is described at SetDeadline.
func (g *guarded) SetWriteDeadline(time.Time) error { return nil }

// Write writes a response. It is called by the goroutine that handles requests.
func (g *guarded) Write(p []byte) (int, error) {
	n, err := g.Hijacked.Write(p)
	if begin := g.begin; begin != nil {
		g.begin = nil
		begin()
	}
	return n, err
}

// Read returns bytes of whole requests.
func (g *guarded) Read(p []byte) (int, error) {
	for g.whole == 0 {
		if err := g.next(); err != nil {
			return 0, g.refuse(err)
		}
	}
	n := copy(p, g.in[g.from:g.from+g.whole])
	g.from, g.whole = g.from+n, g.whole-n
	return n, nil
}

// next waits for a whole message and passes it on, if it is a request.
func (g *guarded) next() error {
	for {
		n, request, err := message(g.in[g.from:g.to])
		switch {
		case err != nil:
			return err
		case n > 0 && request:
			g.began = time.Time{}
			g.whole = n
			g.requests++
			return nil
		case n > 0:
			g.from += n
			if err := g.report(n); err != nil {
				return err
			}
			continue
		}
		if err := g.readMore(); err != nil {
			return err
		}
	}
}

// report counts bytes of RTCP. What is in it is of no use: who reads slowly shows in the writes.
func (g *guarded) report(n int) error {
	g.began = time.Time{}
	if now := time.Now(); now.Sub(g.second) >= time.Second {
		g.second, g.reports = now, 0
	}
	if g.reports += n; g.reports > maxReports {
		return fault.LimitOf("bytes of RTCP a second", int64(g.reports), maxReports, "the client sends too much between its requests")
	}
	return nil
}

// readMore waits for more bytes: for a request that has begun, timeouts.receive, as for the first one, and for another one as long as
// the client plays, or else idle.
func (g *guarded) readMore() error {
	if g.from > 0 {
		g.to = copy(g.in, g.in[g.from:g.to])
		g.from = 0
	}
	receive := time.Duration(g.server.engine.Config.Timeout.Receive)
	now := time.Now()
	if g.began.IsZero() && (g.to > 0 || g.requests == 0) {
		g.began = now
	}
	var deadline time.Time
	switch {
	case !g.began.IsZero():
		deadline = g.began.Add(receive)
	case !g.playing.Load():
		deadline = now.Add(idle)
	}
	if err := g.Hijacked.Conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	n, err := g.Hijacked.Read(g.in[g.to:])
	g.to += n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if g.began.IsZero() || g.to == 0 && g.requests > 0 {
			return io.EOF // It was silent, which is no fault.
		}
		return fault.Errorf(fault.Slow, "the request did not come in within timeouts.receive (%v)", receive)
	}
	return err
}

// methods are those of RTSP (RFC 2326, 10), whether they are served or not.
var methods = [...]string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE", "RECORD", "REDIRECT"}

// message returns the length of the message that data begins with, or of bytes before one that are to be skipped; 0 when it has not
// come in whole. request says that it is a request, and not a packet of RTCP. The error is a *fault.Error.
func message(data []byte) (n int, request bool, err error) {
	switch {
	case len(data) == 0:
		return 0, false, nil
	case data[0] == '\r', data[0] == '\n': // between requests (RFC 2616, 4.1)
		return 1, false, nil
	case data[0] == '$':
		if len(data) < 4 {
			return 0, false, nil
		}
		n := 4 + int(data[2])<<8 + int(data[3])
		if n > maxMessage {
			return 0, false, fault.LimitOf("bytes of a packet", int64(n), maxMessage, "the packet of the client is too large")
		}
		if n > len(data) {
			n = 0
		}
		return n, false, nil
	}
	if err := checkBegin(data); err != nil {
		return 0, false, err
	}
	head, _, whole := bytes.Cut(data, []byte("\r\n\r\n"))
	if !whole {
		if len(data) >= maxMessage {
			return 0, false, fault.LimitOf("bytes of a request", int64(len(data)), maxMessage, "the request is too large")
		}
		return 0, false, nil
	}
	body, err := bodyLength(head)
	if err != nil {
		return 0, false, err
	}
	n = len(head) + 4 + body
	if n > maxMessage {
		return 0, false, fault.LimitOf("bytes of a request", int64(n), maxMessage, "the request is too large")
	}
	if n > len(data) {
		n = 0
	}
	return n, true, nil
}

// checkBegin checks the beginning of a request, as far as it has come in.
func checkBegin(data []byte) error {
	line, _, ended := bytes.Cut(data, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	const tls = 0x16 // the first byte of a handshake
	switch known := knownMethod(method, len(method) < len(line)); {
	case data[0] == tls:
		return fault.Errorf(fault.Unsupported, "got TLS (rtsps), want plain RTSP: tls.cert is not set")
	case !known && isHTTP(method, rest):
		return fault.Errorf(fault.Unsupported, "got HTTP, want RTSP: a player with rtsp:// in its URL")
	case !known:
		return fault.Errorf(fault.Unsupported, "got something else than a request of RTSP")
	case ended && !bytes.HasSuffix(line, []byte(" RTSP/1.0")):
		return fault.Errorf(fault.Unsupported, "got another protocol, want RTSP/1.0")
	}
	return nil
}

// knownMethod reports whether a method, or its beginning unless it is whole, is one of RTSP.
func knownMethod(method []byte, whole bool) bool {
	for _, m := range methods {
		if m == string(method) || !whole && strings.HasPrefix(m, string(method)) {
			return true
		}
	}
	return false
}

func isHTTP(method, rest []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "PRI", "CONNECT", "DELETE", "PATCH":
		return len(rest) == 0 || rest[0] == '/' || rest[0] == '*' || rest[0] == 'h'
	}
	return false
}

// bodyLength returns how many bytes follow the head of a request, as gortsplib will read it: a line without a colon, which it would
// join with the next one, is refused.
func bodyLength(head []byte) (int, error) {
	length, found := 0, false
	_, headers, _ := bytes.Cut(head, []byte("\r\n"))
	for line := range bytes.SplitSeq(headers, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok && len(line) > 0 {
			return 0, fault.Errorf(fault.Invalid, "got the header %.40q, want NAME: VALUE", line)
		}
		if !strings.EqualFold(string(name), "Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil || found {
			return 0, fault.Errorf(fault.Invalid, "Content-Length: got %.40q, want one number", bytes.TrimSpace(value))
		}
		length, found = int(n), true
	}
	return length, nil
}

// refuse returns err, why nothing more is read. A fault is logged, and the client told, if it may still listen.
func (g *guarded) refuse(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	g.server.refused(g, "", f)
	if !g.playing.Load() {
		_, _ = g.Hijacked.Write(plainResponse(f)) // The connection ends in any case.
	}
	return err
}
