package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// cutEnd is how a request ends in the midst of its body.
type cutEnd string

const (
	cutCancel   cutEnd = "cancel"     // of the stream, by RST_STREAM
	cutReset    cutEnd = "reset"      // of the TCP connection
	cutClose    cutEnd = "close"      // of the connection
	cutHalf     cutEnd = "half-close" // of the connection, whose other direction goes on
	cutEnding   cutEnd = "end"        // of the body, as after its last byte
	cutDeadline cutEnd = "deadline"   // of the call
	cutTaken    cutEnd = "taken-over" // by another publisher
	cutStop     cutEnd = "stop"       // of the server
)

// cutPeer is the client of one request, whose body it can break off anywhere. One goroutine reads what comes back.
type cutPeer struct {
	t       testing.TB
	rng     *rand.Rand
	tcp     *net.TCPConn
	conn    net.Conn // tcp, or TLS over it
	chunked bool     // of HTTP/1.1
	http1   bool
	framer  *http2.Framer

	writing sync.Mutex // of framer
	mu      sync.Mutex
	changed *sync.Cond // of what follows
	room    [2]int     // that HTTP/2's flow control leaves: of the connection, of the stream
	body    []byte     // of the response
	said    string     // its status, and trailers
	status  string     // of HTTP, or of gRPC
	pongs   int
	whole   bool // the response came to its end
	ended   bool // nothing more comes
}

// cutRequest is what a cutPeer sends.
type cutRequest struct {
	over   string // http1, http1-length, http2, http2-length, websocket (no body: what is sent are its frames), or grpc
	method string
	target string
	header [][2]string
	length int // of the body
}

// newCutPeer opens a connection, and sends the head of a request.
func newCutPeer(t testing.TB, s *running, rng *rand.Rand, r cutRequest) *cutPeer {
	t.Helper()
	addr, protocols := s.Addrs().HTTP, []string{"h2"}
	upgrades := r.over == "websocket"
	http1 := strings.HasPrefix(r.over, "http1") || upgrades
	if r.over == "grpc" {
		addr = s.Addrs().GRPC
	}
	if http1 {
		protocols = []string{"http/1.1"}
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &cutPeer{t: t, rng: rng, tcp: raw.(*net.TCPConn), conn: secure(raw, protocols...), room: [2]int{narrowWindow, narrowWindow}, http1: http1, chunked: r.over == "http1"}
	p.changed = sync.NewCond(&p.mu)
	t.Cleanup(func() { _ = raw.Close() })
	withLength := strings.HasSuffix(r.over, "-length")
	if p.http1 {
		head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n", r.method, r.target)
		for _, h := range r.header {
			head += h[0] + ": " + h[1] + "\r\n"
		}
		switch {
		case upgrades:
			head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3RlYWR5ZnJhbWUtLS0tLQ==\r\n\r\n"
		case withLength:
			head += fmt.Sprintf("Content-Length: %d\r\n\r\n", r.length)
		default:
			head += "Transfer-Encoding: chunked\r\n\r\n"
		}
		p.write([]byte(head))
		go p.readHTTP1()
		return p
	}
	fields := []hpack.HeaderField{{Name: ":method", Value: r.method}, {Name: ":scheme", Value: scheme}, {Name: ":path", Value: r.target}, {Name: ":authority", Value: "localhost"}}
	if r.over == "grpc" {
		fields = callHead(r.target)
	}
	for _, h := range r.header {
		fields = append(fields, hpack.HeaderField{Name: strings.ToLower(h[0]), Value: h[1]})
	}
	if withLength {
		fields = append(fields, hpack.HeaderField{Name: "content-length", Value: fmt.Sprint(r.length)})
	}
	beginHTTP2(t, p.conn, wideWindow, []byte{}, fields)
	p.framer = http2.NewFramer(p.conn, p.conn)
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	go p.readHTTP2()
	return p
}

// write writes to the connection. The server may have ended it already.
func (p *cutPeer) write(data []byte) { _, _ = p.conn.Write(data) }

// note changes what has come back.
func (p *cutPeer) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.changed.Broadcast()
}

// await waits until ok, or the end of what comes back, and reports which.
func (p *cutPeer) await(ok func() bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !ok() && !p.ended {
		p.changed.Wait()
	}
	return ok()
}

func (p *cutPeer) readHTTP1() {
	defer p.note(func() { p.ended = true })
	in := bufio.NewReader(p.conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		response.Body = io.NopCloser(in)
	}
	p.note(func() { p.status = fmt.Sprint(response.StatusCode) })
	for buf := make([]byte, 4096); ; {
		n, err := response.Body.Read(buf)
		p.note(func() { p.body = append(p.body, buf[:n]...) })
		if err != nil {
			p.note(func() { p.said, p.whole = response.Trailer.Get("Steadyframe-Error"), err == io.EOF })
			return
		}
	}
}

func (p *cutPeer) readHTTP2() {
	defer p.note(func() { p.ended = true })
	for {
		f, err := p.framer.ReadFrame()
		if err != nil {
			return
		}
		over := false
		switch f := f.(type) {
		case *http2.WindowUpdateFrame:
			p.note(func() { p.room[min(f.StreamID, 1)] += int(f.Increment) })
		case *http2.SettingsFrame:
			if f.IsAck() {
				continue
			}
			if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
				p.note(func() { p.room[1] += int(v) - narrowWindow })
			}
			p.writing.Lock()
			_ = p.framer.WriteSettingsAck()
			p.writing.Unlock()
		case *http2.PingFrame:
			if f.IsAck() {
				p.note(func() { p.pongs++ })
				continue
			}
			p.writing.Lock()
			_ = p.framer.WritePing(true, f.Data)
			p.writing.Unlock()
		case *http2.DataFrame:
			p.note(func() { p.body, p.whole = append(p.body, f.Data()...), f.StreamEnded() })
			over = f.StreamEnded()
		case *http2.MetaHeadersFrame:
			p.note(func() {
				for _, field := range f.Fields {
					switch field.Name {
					case ":status", "grpc-status":
						p.status = field.Value
					case "grpc-message", "steadyframe-error":
						p.said = field.Value
					}
				}
				p.whole = f.StreamEnded()
			})
			over = f.StreamEnded()
		case *http2.RSTStreamFrame:
			p.note(func() { p.said += " reset: " + f.ErrCode.String() })
			over = true
		}
		if over {
			return
		}
	}
}

// send sends some of the body, in pieces of any size.
func (p *cutPeer) send(data []byte) {
	for len(data) > 0 {
		n := min(len(data), 1+p.rng.IntN(16<<10-256))
		piece := data[:n]
		data = data[n:]
		switch {
		case p.chunked:
			p.write(append(append(fmt.Appendf(nil, "%x\r\n", n), piece...), "\r\n"...))
		case p.http1:
			p.write(piece)
		default:
			p.sendData(piece)
		}
	}
}

// sendData sends a DATA frame when flow control lets it, sometimes with padding.
func (p *cutPeer) sendData(piece []byte) {
	var padding []byte
	if p.rng.IntN(3) == 0 {
		padding = make([]byte, p.rng.IntN(200))
	}
	need := len(piece) + 1 + len(padding)
	if !p.await(func() bool { return p.room[0] >= need && p.room[1] >= need }) {
		return
	}
	p.note(func() { p.room[0], p.room[1] = p.room[0]-need, p.room[1]-need })
	p.writing.Lock()
	defer p.writing.Unlock()
	_ = p.framer.WriteDataPadded(1, false, piece, append([]byte{}, padding...))
}

// arrived waits, over HTTP/2, until the server has read all that was sent.
func (p *cutPeer) arrived() {
	if p.http1 {
		return
	}
	p.writing.Lock()
	_ = p.framer.WritePing(false, [8]byte{})
	p.writing.Unlock()
	p.await(func() bool { return p.pongs > 0 })
}

// end ends the request.
func (p *cutPeer) end(e cutEnd) {
	switch e {
	case cutCancel:
		p.writing.Lock()
		_ = p.framer.WriteRSTStream(1, http2.ErrCodeCancel)
		p.writing.Unlock()
	case cutReset:
		_ = p.tcp.SetLinger(0)
		_ = p.tcp.Close()
	case cutClose:
		if p.chunked && p.rng.IntN(2) == 0 { // inside a chunk
			p.write([]byte("2000\r\n"))
		}
		_ = p.conn.Close()
	case cutHalf:
		if c, ok := p.conn.(*tls.Conn); ok && p.rng.IntN(2) == 0 {
			_ = c.CloseWrite()
		}
		_ = p.tcp.CloseWrite()
	case cutEnding:
		switch {
		case p.chunked:
			p.write([]byte("0\r\n\r\n"))
		case !p.http1:
			p.writing.Lock()
			_ = p.framer.WriteData(1, true, nil)
			p.writing.Unlock()
		}
	}
}

// over waits until nothing more comes back, and closes the connection.
func (p *cutPeer) over(e cutEnd) {
	if e == cutCancel { // No word comes back.
		_ = p.conn.Close()
	}
	p.await(func() bool { return false })
	_ = p.conn.Close()
}

// isOver reports whether nothing more comes back.
func (p *cutPeer) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// served reports whether the response is one of success, and came to its end.
func (p *cutPeer) served() bool {
	return p.whole && (p.status == "200" && p.said == "" || p.status == "0")
}

// messages returns the payloads of the whole messages of gRPC that have come back. p.mu is held, or nothing more comes.
func (p *cutPeer) messages() (all [][]byte) {
	for b := bytes.NewBuffer(p.body); b.Len() >= 5; {
		head := b.Next(5)
		n := int(head[1])<<24 | int(head[2])<<16 | int(head[3])<<8 | int(head[4])
		if b.Len() < n {
			break
		}
		all = append(all, b.Next(n))
	}
	return all
}
