package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/askfirst"
)

// httpLink is an HTTP client. HTTP/1.1 serves one request at a time over a connection, so a link has as many as
// requests are on their way, and keeps them.
type httpLink struct {
	linkOptions
	transport *http.Transport
	flying    sync.WaitGroup

	mu   sync.Mutex
	idle []*exchange
}

// writeBytes are written with one system call. A connection has a buffer of so many.
const writeBytes = 256 << 10

func newHTTPLink(o linkOptions) *httpLink {
	dial := askfirst.Dial(new(net.Dialer))
	network, address := "", ""
	if o.target.socket != "" {
		network, address = "unix", o.target.socket
	}
	return &httpLink{linkOptions: o, transport: &http.Transport{
		MaxIdleConnsPerHost: o.Outstanding, DisableCompression: true, WriteBufferSize: 4 << 10, TLSClientConfig: o.TLS,
		DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
			if network != "" {
				n, a = network, address
			}
			c, err := dial(ctx, n, a)
			if err != nil {
				return nil, err
			}
			return &bulkConn{Conn: c}, nil
		},
	}}
}

// encodeQuery returns what the server is asked for.
func encodeQuery(o *Options) url.Values {
	size := func(w, h int) string { return strconv.Itoa(w) + "x" + strconv.Itoa(h) }
	if o.Scene != "" {
		return url.Values{"format": {o.desc().Format.String()}, "size": {size(o.Width, o.Height)}, "scene": {o.Scene}}
	}
	q := url.Values{"format": {o.desc().Format.String()}, "size": {size(o.Width, o.Height)}, "resize": {size(o.OutWidth, o.OutHeight)}}
	if o.Quality > 0 {
		q.Set("quality", strconv.Itoa(o.Quality))
	}
	return q
}

// send is part of link.
func (l *httpLink) send(c *call) {
	l.mu.Lock()
	var x *exchange
	if n := len(l.idle); n > 0 {
		x, l.idle = l.idle[n-1], l.idle[:n-1]
	}
	l.mu.Unlock()
	if x == nil {
		x = &exchange{link: l}
	}
	l.flying.Add(1)
	go func() {
		defer l.flying.Done()
		if err := x.run(c); err != nil {
			l.receiver.failed(c, err)
		} else {
			l.receiver.answered(c, x.response.images)
		}
		l.mu.Lock()
		l.idle = append(l.idle, x)
		l.mu.Unlock()
	}()
}

// close is part of link.
func (l *httpLink) close() {
	l.flying.Wait()
	l.transport.CloseIdleConnections()
}

// exchange is a request and its response, with memory that the next one uses again.
type exchange struct {
	link     *httpLink
	response response
}

// run sends a batch and reads its response.
func (x *exchange) run(c *call) *Error {
	ctx, cancel := context.WithTimeout(x.link.using, x.link.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.link.target.url.String(), nil)
	if err != nil {
		return &Error{Kind: "request", Reason: err.Error()}
	}
	frames, kind := c.frames, "application/octet-stream"
	if c.images != nil {
		frames, kind = sceneBody(c), "application/x-steadyframe-images"
	}
	r.GetBody = func() (io.ReadCloser, error) { return &body{frames: frames}, nil }
	r.Body, r.ContentLength = &body{frames: frames}, bytesOf(frames)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("TE", "trailers") // which say why a response is cut short
	if x.link.Token != "" {
		r.Header.Set("Authorization", "Bearer "+x.link.Token)
	}
	response, err := x.link.transport.RoundTrip(r)
	if err != nil {
		return x.link.failure(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return refusal(response)
	}
	if err := x.response.read(response); err != nil {
		if reason := response.Trailer.Get("Steadyframe-Error"); reason != "" {
			return &Error{Kind: "cut short", Reason: reason}
		}
		return x.link.failure(ctx, err)
	}
	return nil
}

// sceneBody returns the pieces of a body of images of a scene: a line, and a region, for each.
func sceneBody(c *call) (pieces [][]byte) {
	for i, m := range c.images {
		if m.silent {
			pieces = append(pieces, fmt.Appendf(nil, "IMAGE index=%d\n", m.index))
		} else {
			pieces = append(pieces, fmt.Appendf(nil, "IMAGE index=%d regions=1\n", m.index), c.frames[i])
		}
	}
	return pieces
}

// failure returns the error of a request without a response, or with a part of one.
func (l *httpLink) failure(ctx context.Context, err error) *Error {
	var malformed *malformedError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Class: TimedOut, Reason: fmt.Sprintf("no response within %v", l.Timeout)}
	case errors.As(err, &malformed):
		return &Error{Kind: "malformed response", Reason: err.Error()}
	}
	return fromTransport(err)
}

func bytesOf(frames [][]byte) (n int64) {
	for _, f := range frames {
		n += int64(len(f))
	}
	return n
}

// body is a request's: frames, one after the other. It borrows them.
type body struct {
	frames [][]byte
	at     int // bytes read of the first
}

// Read is part of io.Reader.
func (b *body) Read(p []byte) (n int, err error) {
	for len(b.frames) > 0 && n < len(p) {
		k := copy(p[n:], b.frames[0][b.at:])
		n, b.at = n+k, b.at+k
		if b.at == len(b.frames[0]) {
			b.frames, b.at = b.frames[1:], 0
		}
	}
	if n == 0 && len(b.frames) == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// left returns how many bytes are still to be read.
func (b *body) left() int64 { return bytesOf(b.frames) - int64(b.at) }

// Close is part of io.Closer.
func (*body) Close() error { return nil }

// bulkConn writes what it reads in large pieces: net/http's own are 32 KiB, which make a frame of 640x360 twenty-two
// system calls.
type bulkConn struct {
	net.Conn
	buffer []byte
}

// ReadFrom is part of io.ReaderFrom, which net/http writes bodies with.
func (c *bulkConn) ReadFrom(r io.Reader) (total int64, err error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if b, ok := l.R.(*body); ok && b.left() == l.N {
			total, err = c.writeLarge(b)
			l.N -= total
			if err != nil {
				return total, err
			}
		}
	}
	if c.buffer == nil {
		c.buffer = make([]byte, writeBytes)
	}
	for {
		n, err := r.Read(c.buffer)
		if n > 0 {
			if _, err := c.Conn.Write(c.buffer[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// writeLarge writes the frames with which b begins from where they lie, as far as they are large.
func (c *bulkConn) writeLarge(b *body) (total int64, err error) {
	for len(b.frames) > 0 {
		rest := b.frames[0][b.at:]
		if len(rest) < writeBytes {
			break
		}
		n, err := c.Conn.Write(rest)
		total += int64(n)
		if b.at += n; err != nil {
			return total, err
		}
		b.frames, b.at = b.frames[1:], 0
	}
	return total, nil
}

// retryAfter returns the advice of a response in whole seconds (RFC 9110, 10.2.3), 0 for none.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
