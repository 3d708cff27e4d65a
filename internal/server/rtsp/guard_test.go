package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// What comes in is cut into whole messages; what can be none of bounded size is refused as soon as that shows.
func TestMessage(t *testing.T) {
	const options = "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	body := func(n string) string {
		return "GET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: " + n + "\r\n\r\n"
	}
	for _, test := range []struct {
		name, data string
		n          int
		request    bool
		want       string // of the error
	}{
		{"nothing", "", 0, false, ""},
		{"begun", "OPT", 0, false, ""},
		{"whole", options + "more", len(options), true, ""},
		{"head-alone", body("5") + "1234", 0, true, ""},
		{"body", body("5") + "12345", len(body("5")) + 5, true, ""},
		{"empty-line", "\r\n" + options, 1, false, ""},
		{"packet", "$\x01\x00\x02ab", 6, false, ""},
		{"packet-begun", "$\x01\x00", 0, false, ""},
		{"packet-cut", "$\x01\x00\x02a", 0, false, ""},
		{"packet-large", "$\x01\xff\xff", 0, false, "too large"},
		{"garbage", "hello", 0, false, "something else"},
		{"nulls", "\x00\x00\x00", 0, false, "something else"},
		{"lower-case", "options rtsp://h/ RTSP/1.0\r\n", 0, false, "something else"},
		{"tls", "\x16\x03\x01\x02\x00", 0, false, "TLS"},
		{"http", "GET / HTTP/1.1\r\n", 0, false, "HTTP"},
		{"http-tunnel", "POST /cam1 HTTP/1.0\r\n", 0, false, "HTTP"},
		{"http2", "PRI * HTTP/2.0\r\n", 0, false, "HTTP"},
		{"rtsp2", "OPTIONS rtsp://h/ RTSP/2.0\r\n", 0, false, "RTSP/1.0"},
		{"response", "RTSP/1.0 200 OK\r\n", 0, false, "something else"},
		{"long-head", "OPTIONS rtsp://h/ RTSP/1.0\r\nX: " + strings.Repeat("x", maxMessage), 0, false, "too large"},
		{"long-line", "OPTIONS " + strings.Repeat("x", maxMessage), 0, false, "too large"},
		{"long-body", body("100000"), 0, false, "too large"},
		{"endless-body", body("99999999999"), 0, false, "Content-Length"},
		{"negative-body", body("-1"), 0, false, "Content-Length"},
		{"no-colon", strings.Replace(body("5"), "CSeq: 1", "X", 1), 0, false, "NAME: VALUE"},
		{"two-lengths", strings.Replace(body("5"), "CSeq: 1", "Content-length: 4", 1), 0, false, "Content-Length"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, request, err := message([]byte(test.data))
			if test.want != "" {
				var f *fault.Error
				if !errors.As(err, &f) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want a fault about %s", err, test.want)
				}
				return
			}
			if err != nil || n != test.n || n > 0 && request != test.request {
				t.Errorf("got %d, %v, %v, want %d, %v", n, request, err, test.n, test.request)
			}
		})
	}
}

// FuzzMessage: what passes as a whole request is at most maxMessage bytes, and gortsplib reads no byte more than those.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"GET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc",
		"SETUP rtsp://h/cam1/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n\r\n",
		"$\x00\x00\x01x", "\r\n", "GET / HTTP/1.1\r\n\r\n", "X\nContent-Length: 9\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2*maxMessage {
			return
		}
		n, request, err := message(data)
		if err != nil {
			return
		}
		if n > maxMessage || n > len(data) {
			t.Fatalf("got a message of %d bytes of %d", n, len(data))
		}
		if n == 0 || !request {
			return
		}
		reader := bytes.NewReader(data[:n])
		in := bufio.NewReader(reader)
		var r base.Request
		if r.Unmarshal(in) != nil {
			return // It ends the connection.
		}
		if len(r.Body) > maxMessage || in.Buffered() != 0 {
			t.Fatalf("gortsplib read a request whose body is %d bytes, with %d bytes behind it, of %d", len(r.Body), in.Buffered(), n)
		}
	})
}

// The reason in a status line is one line of bounded length, whatever a client sent.
func TestReason(t *testing.T) {
	f := fault.Errorf(fault.NotFound, "no stream %q\r\nX: é", strings.Repeat("x", 500))
	if got := reason(f); len(got) > maxReason || strings.ContainsAny(got, "\r\n") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
	for k := range fault.Kind(fault.Kinds) {
		if s := status(k); s < 400 || s > 599 {
			t.Errorf("%v: got status %d", k, s)
		}
		if text := string(plainResponse(&fault.Error{Kind: k})); !strings.HasPrefix(text, fmt.Sprintf("RTSP/1.0 %d ", status(k))) {
			t.Errorf("%v: got %q", k, text)
		}
	}
}
