package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// unixListeners makes a server listen on sockets in dir alone, or, for @, with names that are no paths (unix(7): abstract).
func unixListeners(dir string) (addrs server.Addrs, change func(*server.Config)) {
	addrs = server.Addrs{HTTP: "unix:" + dir + "http.sock", GRPC: "unix:" + dir + "grpc.sock", Admin: "unix:" + dir + "admin.sock"}
	return addrs, func(c *server.Config) {
		c.HTTP.Listen, c.GRPC.Listen, c.Admin.Listen = addrs.HTTP, addrs.GRPC, addrs.Admin
	}
}

// TestUnixSockets: all APIs serve on sockets, which replace those that a crashed server left, and leave none behind.
func TestUnixSockets(t *testing.T) {
	tests := []struct{ name, dir string }{{"path", t.TempDir() + "/"}}
	if runtime.GOOS == "linux" {
		tests = append(tests, struct{ name, dir string }{"abstract", fmt.Sprintf("@steadyframe-test-%d/", os.Getpid())})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addrs, change := unixListeners(tt.dir)
			if tt.name == "path" {
				leaveSocket(t, addrs.GRPC)
			}
			s := start(t, change)
			if s.Addrs() != addrs {
				t.Errorf("got addresses %+v, want %+v", s.Addrs(), addrs)
			}
			frames := makeFrames(t, small.Input, 2)
			want := encodeDirectly(t, small, frames)
			var a client.Response
			if err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, &a); err != nil {
				t.Fatal(err)
			}
			checkImages(t, images(t, &a), want)
			checkImages(t, [][]byte{overUnix(t, addrs.HTTP, http.MethodPost, "/v1/encode?"+query(t, small), frames[0])}, want[:1])
			if got := overUnix(t, addrs.Admin, http.MethodGet, "/healthz", nil); len(got) == 0 {
				t.Error("the admin API sent an empty body")
			}
			s.stop()
			for _, address := range []string{addrs.HTTP, addrs.GRPC, addrs.Admin} {
				if _, err := os.Stat(strings.TrimPrefix(address, "unix:")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s after the end: got %v, want it gone", address, err)
				}
			}
		})
	}
}

// leaveSocket leaves a socket behind, as a server that crashes does.
func leaveSocket(t *testing.T, address string) {
	t.Helper()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: strings.TrimPrefix(address, "unix:"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
}

// overUnix sends a request to an API and returns the body of its response.
func overUnix(t *testing.T, address, method, path string, body []byte) []byte {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: namedTLS(), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(address, "unix:"))
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(timeout(t), method, scheme+"://steadyframe"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	data := readAll(t, resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %s", resp.Status, data)
	}
	return data
}

// TestUnixSocketsThatCannotBe: neither a socket that accepts connections nor another file is replaced, and the error
// says what is wrong.
func TestUnixSocketsThatCannotBe(t *testing.T) {
	dir := t.TempDir() + "/"
	addrs, change := unixListeners(dir)
	start(t, change)
	if err := os.WriteFile(dir+"file", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, listen, want string }{
		{"in-use", addrs.GRPC, "server: grpc.listen: " + strings.TrimPrefix(addrs.GRPC, "unix:") + " is in use by another program"},
		{"file", "unix:" + dir + "file", "server: grpc.listen: " + dir + "file is in use by another program"},
		{"long", "unix:" + dir + strings.Repeat("x", 108), "server: grpc.listen: the path of a socket is too long"},
		{"no-folder", "unix:" + dir + "none/x", "server: grpc.listen: listen unix " + dir + "none/x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := server.Default()
			c.HTTP.Listen, c.Admin.Listen, c.Ring.Listen, c.GRPC.Listen = "off", "off", "off", tt.listen
			if _, err := server.New(c, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s...", err, tt.want)
			}
		})
	}
	if data, err := os.ReadFile(dir + "file"); err != nil || string(data) != "mine" {
		t.Errorf("the file: got %q, %v, want it as it was", data, err)
	}
}

func TestAddressInUse(t *testing.T) {
	s := start(t, nil)
	for _, setting := range []string{"http.listen", "grpc.listen", "rtsp.listen", "admin.listen"} {
		c := server.Default()
		c.HTTP.Listen, c.GRPC.Listen, c.Ring.Listen, c.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "off", "127.0.0.1:0"
		*map[string]*string{"http.listen": &c.HTTP.Listen, "grpc.listen": &c.GRPC.Listen, "rtsp.listen": &c.RTSP.Listen, "admin.listen": &c.Admin.Listen}[setting] = s.Addrs().HTTP
		_, err := server.New(c, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), "server: "+setting+": "+s.Addrs().HTTP+" is in use") {
			t.Errorf("%s: got %v, want an error that names the setting and the address", setting, err)
		}
	}
}

func TestAPIsCanBeOff(t *testing.T) {
	s := start(t, func(c *server.Config) { c.HTTP.Listen, c.Admin.Listen = "off", "off" })
	if a := s.Addrs(); a.HTTP != "" || a.Admin != "" || a.GRPC == "" {
		t.Errorf("got addresses %+v, want gRPC's alone", a)
	}
	var a client.Response
	if err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}, &a); err != nil {
		t.Error(err)
	}
}

// served sends a request on a new connection, or the one given, and returns the connection if there is a response.
func (s *running) served(t *testing.T, c net.Conn) net.Conn {
	t.Helper()
	if c == nil {
		var err error
		if c, err = dialRaw("tcp", s.Addrs().HTTP); err != nil {
			return nil // A listener that is full closes connections in the middle of their TLS handshake.
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	if _, err := c.Write([]byte("GET /v1/streams HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		return nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	readAll(t, resp.Body)
	return c
}

// TestMaxConnections: where all connections have a request, one more is closed at once; when another ends there is room again.
func TestMaxConnections(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxConnections = 1 })
	first := beginPost(t, s.Addrs().HTTP, query(t, small), 2304, []byte{0})
	defer func() { _ = first.Close() }()
	eventually(t, "its request is open", func() bool { return s.Stats().OpenRequests == 1 })
	if s.served(t, nil) != nil {
		t.Error("a second connection is served, want it closed")
	}
	if _, body := s.admin(t, "/metrics"); !strings.Contains(body, `steadyframe_connections_refused_total{listener="http"} 1`) {
		t.Error("a refused connection is not counted")
	}
	_ = first.Close()
	eventually(t, "there is room again", func() bool { return s.served(t, nil) != nil })
}

// TestIdleConnectionsMakeRoom: connections without a request do not close a listener to others: the one that has been idle for
// longest is closed. Those that have one stay.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	const most = 8
	s := start(t, func(c *server.Config) { c.Limits.MaxConnections = most })
	c := s.dial(t) // of gRPC, in the middle of a call while others come and go
	stream, err := c.EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	batch := &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}
	if err := stream.Send(batch); err != nil {
		t.Fatal(err)
	}
	busy := beginPost(t, s.Addrs().HTTP, query(t, small), 2304, []byte{0})
	defer func() { _ = busy.Close() }()
	eventually(t, "both requests are open", func() bool { return s.Stats().OpenRequests == 2 })
	var idle []net.Conn
	for i := range 3 * most {
		c := s.served(t, nil)
		if c == nil {
			t.Fatalf("connection %d is not served", i)
		}
		idle = append(idle, c)
		other := s.dial(t)
		var a client.Response
		if err := other.Encode(timeout(t), &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}, &a); err != nil {
			t.Fatalf("gRPC connection %d: %v", i, err)
		}
	}
	if s.served(t, idle[len(idle)-1]) == nil || s.served(t, idle[0]) != nil {
		t.Error("want the newest idle connection kept and the oldest closed")
	}
	if _, body := s.admin(t, "/metrics"); !strings.Contains(body, fmt.Sprintf(`steadyframe_connections_evicted_total{listener="http"} %d`, 2*most+1)) ||
		!strings.Contains(body, `steadyframe_connections_refused_total{listener="http"} 0`) {
		t.Errorf("want %d connections evicted and none refused:\n%s", 2*most+1, body)
	}
	frames := makeFrames(t, small.Input, 1)
	var a client.Response
	if err := errors.Join(stream.Send(&client.Batch{Spec: small, Frames: frames}), stream.Recv(&a)); err != nil {
		t.Errorf("the call that was open all the time: %v", err)
	}
	if _, err := busy.Write(frames[0][1:]); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(busy), nil); err != nil {
		t.Errorf("the request that was open all the time: %v", err)
	} else {
		readAll(t, resp.Body)
	}
}
