package cli

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestParsePushTarget(t *testing.T) {
	tests := []struct {
		url, name, input       string
		stream, publish, watch string
	}{
		{"http://127.0.0.1:8080", "cars", "-", "cars", "http://127.0.0.1:8080/v1/streams/cars?quality=80", "http://127.0.0.1:8080/#/stream/cars"},
		{"http://127.0.0.1:8080/", "", "-", "live", "http://127.0.0.1:8080/v1/streams/live?quality=80", "http://127.0.0.1:8080/#/stream/live"},
		{"https://h/v1/streams/door", "", "a.mp4", "door", "https://h/v1/streams/door?quality=80", "https://h/#/stream/door"},
		{"http://h:1/v1/streams/door", "door", "a.mp4", "door", "http://h:1/v1/streams/door?quality=80", "http://h:1/#/stream/door"},
		{"http://h/video/v1/streams/", "", "a/b c.mp4", "b-c", "http://h/video/v1/streams/b-c?quality=80", "http://h/video/#/stream/b-c"},
		{"http://h/video/", "", "a.b.y4m", "a.b", "http://h/video/v1/streams/a.b?quality=80", "http://h/video/#/stream/a.b"},
		{"unix:/run/sf.sock", "", "rtsp://cam.local/ch1", "ch1", "http://localhost/v1/streams/ch1?quality=80", "unix:/run/sf.sock /stream/ch1.mjpg"},
		{"unix:///run/sf.sock", "", "...", "live", "http://localhost/v1/streams/live?quality=80", "unix:/run/sf.sock /stream/live.mjpg"},
		{"http://h", "", strings.Repeat("x", 99) + ".mp4", strings.Repeat("x", 64), "http://h/v1/streams/" + strings.Repeat("x", 64) + "?quality=80", "http://h/#/stream/" + strings.Repeat("x", 64)},
		{"http://h", "", "/dev/video0", "video0", "http://h/v1/streams/video0?quality=80", "http://h/#/stream/video0"},
		{"http://h", "", "Straße.mp4", "Stra-e", "http://h/v1/streams/Stra-e?quality=80", "http://h/#/stream/Stra-e"},
	}
	for _, tt := range tests {
		t.Run(tt.url+","+tt.input, func(t *testing.T) {
			got, err := ParsePushTarget(tt.url, tt.name, tt.input)
			if err != nil {
				t.Fatal(err)
			}
			if got.Stream != tt.stream || got.publishURL(map[string][]string{"quality": {"80"}}) != tt.publish || got.WatchURL() != tt.watch {
				t.Errorf("got %s, %s, %s, want %s, %s, %s", got.Stream, got.publishURL(map[string][]string{"quality": {"80"}}), got.WatchURL(), tt.stream, tt.publish, tt.watch)
			}
		})
	}
}

func TestParsePushTargetRefuses(t *testing.T) {
	for _, tt := range []struct{ url, name, want string }{
		{"ftp://h", "", "the URL is ftp://h, want one such as http://127.0.0.1:8080"},
		{"http://", "", "the URL is http://, want one such as"},
		{"http://h:port", "", "the URL is http://h:port"},
		{"unix:", "", "want the path of a socket after unix:"},
		{"http://h?a=%zz", "", "the query of the URL: "},
		{"http://h/v1/streams/a", "b", "the URL names the stream a, and --stream b: want one name"},
		{"http://h/v1/streams/a/b", "", "--stream: stream: bad stream name"},
		{"http://h", "a b", "--stream: stream: bad stream name"},
	} {
		_, err := ParsePushTarget(tt.url, tt.name, "-")
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want a *UsageError: %s", tt.url, err, tt.want)
		}
	}
}

// TestReachError: a connection that broke is said to have, whatever the transport was doing then.
func TestReachError(t *testing.T) {
	target, err := ParsePushTarget("http://h:1", "cam", "-")
	if err != nil {
		t.Fatal(err)
	}
	const broke = "the connection broke"
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}, broke},
		{&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, broke},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, broke},
		{&url.Error{Op: "Post", URL: "http://h:1", Err: io.EOF}, broke},
		{io.ErrUnexpectedEOF, broke},
		{&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connect: connection refused"},
		{errStalled, errStalled.Error()},
		{&url.Error{Op: "Get", URL: "http://h:1", Err: errors.New(`malformed HTTP response "\x00\x00"`)}, "it is no HTTP/1.1 server: " + portAdvice},
	} {
		if got := target.reachError(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}
