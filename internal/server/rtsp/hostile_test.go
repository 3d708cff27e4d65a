package rtsp

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// dial connects by hand.
func (f *fixture) dial() net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c
}

// ends fails the test unless the server ends a connection, and returns what it said.
func ends(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	said, err := io.ReadAll(c)
	if n, ok := err.(net.Error); ok && n.Timeout() {
		t.Fatalf("after %q the server has not ended the connection", said)
	}
	return string(said)
}

// What is no request ends its connection, with a reason, and harms nobody.
func TestGarbage(t *testing.T) {
	f := start(t, nil)
	data := small(t, 2)
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	v := f.player("cam1", tcp)
	v.next()
	random := make([]byte, 4096)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	random[0] = 'x'
	for _, test := range []struct{ name, sent, want string }{
		{"random", string(random), "415 got something else"},
		{"http", "GET /cam1 HTTP/1.1\r\nHost: x\r\n\r\n", "415 got HTTP"},
		{"websocket", "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n", "415 got HTTP"},
		{"header", "OPTIONS rtsp://x/ RTSP/1.0\r\nX: " + strings.Repeat("x", maxMessage), "413 the request is too large"},
		{"headers", "OPTIONS rtsp://x/ RTSP/1.0\r\n" + strings.Repeat("X: y\r\n", maxMessage/4), "413 the request is too large"},
		{"body", "ANNOUNCE rtsp://x/cam1 RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 130000\r\n\r\n", "413 the request is too large"},
		{"url", "DESCRIBE ftp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", ""},
		{"no-cseq", "OPTIONS rtsp://x/ RTSP/1.0\r\n\r\n", "400"},
		{"no-session", "PLAY rtsp://x/cam1 RTSP/1.0\r\nCSeq: 1\r\nSession: x\r\n\r\n", "454"},
		{"no-track", "SETUP rtsp://x/cam1/trackID=7 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n", "400"},
		{"record", "ANNOUNCE rtsp://x/cam1 RTSP/1.0\r\nCSeq: 1\r\n\r\nTEARDOWN x RTSP/1.0\r\nCSeq: 2\r\n\r\n", "501"},
		{"packet", "$\x00\xff\xff", "413"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := f.dial()
			_, _ = c.Write([]byte(test.sent)) // The server may have ended it.
			if said := ends(t, c); test.want != "" && said != "" && !strings.HasPrefix(said, "RTSP/1.0 "+test.want) {
				t.Errorf("got %q, want %q", said, test.want)
			}
		})
	}
	for _, transport := range []string{
		"RTP/AVP/TCP;unicast;interleaved=300-301", "RTP/AVP;unicast;client_port=70000-70001", "RTP/AVP;unicast;client_port=0-1", "RTP/AVP;unicast;client_port=65535", "nonsense",
	} {
		c := f.dial()
		fmt.Fprintf(c, "SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", f.url("cam1"), transport)
		if head := readHead(t, c); !strings.HasPrefix(head, "RTSP/1.0 4") {
			t.Errorf("transport %s: got %q, want 400", transport, head)
		}
	}
	f.publish(p, data[1], time.Now())
	for got := v.next(); !bytes.Equal(scanOf(got.jpeg), scanOf(data[1])); got = v.next() {
	}
}

// Requests that do not come in whole end after timeouts.receive, however slowly they go on.
func TestSlowRequests(t *testing.T) {
	f := start(t, func(c *config.Config) { c.Timeout.Receive = config.Duration(300 * time.Millisecond) })
	silent, begun, dribbles := f.dial(), f.dial(), f.dial()
	fmt.Fprint(begun, "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n")
	over := make(chan struct{})
	go func() {
		defer close(over)
		for _, b := range []byte("OPTIONS rtsp://x/ RTSP/1.0\r\nX: " + strings.Repeat("x", 4000)) {
			if _, err := dribbles.Write([]byte{b}); err != nil {
				return
			}
			wait(10 * time.Millisecond)
		}
	}()
	if said := ends(t, silent); !strings.Contains(said, "timeouts.receive") {
		t.Errorf("silent: got %q", said)
	}
	if said := ends(t, begun); !strings.Contains(said, "timeouts.receive") {
		t.Errorf("begun: got %q", said)
	}
	ends(t, dribbles)
	dribbles.Close()
	<-over
}

// 500 connections that do nothing, sessions that are only set up, and a client that asks without end leave memory and a good viewer as
// they were; a new client finds a place, which one of the idle gives up.
func TestFlood(t *testing.T) {
	f := start(t, func(c *config.Config) { c.Limits.MaxConnections = 520; c.RTSP.MaxSessionsPerPeer = 600 })
	data := small(t, 10)
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	v := f.player("cam1", tcp)
	v.next()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 500 {
		c := f.dial()
		if i%2 == 0 {
			fmt.Fprintf(c, "SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", f.url("cam1"), interleaved)
			readHead(t, c)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse); grown > 40<<20 {
		t.Errorf("500 connections take %d bytes, want at most 80 KB each", grown)
	} else {
		t.Logf("%d KB a connection", grown/500>>10)
	}
	asks := f.dial()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		go io.Copy(io.Discard, asks)
		for {
			if _, err := fmt.Fprint(asks, "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"); err != nil {
				return
			}
		}
	}()
	for i := 1; i < len(data); i++ {
		f.publish(p, data[i], time.Now())
		for got := v.next(); !bytes.Equal(scanOf(got.jpeg), scanOf(data[i])); got = v.next() {
		}
	}
	for range 30 { // beyond limits.max_connections
		f.dial()
	}
	f.player("cam1", udp).next()
	asks.Close()
	<-stopped
}
