package server_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/wire"
)

func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "grpc.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil { // as after a crash
		t.Fatal(err)
	}
	s := start(t, func(c *server.Config) {
		c.GRPC.Listen, c.HTTP.Listen = "unix:"+filepath.Join(dir, "grpc.sock"), "unix:"+filepath.Join(dir, "http.sock")
	})
	frames := makeFrames(t, small.Input, 2)
	want := encodeDirectly(t, small, frames)
	var a client.Answer
	if err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: wire.SpecToProto(small), Frames: frames}, &a); err != nil {
		t.Fatal(err)
	}
	checkPictures(t, pictures(t, &a), want)

	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "http.sock"))
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Post("http://steadyframe/v1/encode?"+query(t, small), "", strings.NewReader(string(frames[0])))
	if err != nil {
		t.Fatal(err)
	}
	checkPictures(t, [][]byte{readAll(t, resp.Body)}, want[:1])
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestAddressInUse(t *testing.T) {
	s := start(t, nil)
	for _, setting := range []string{"http.listen", "grpc.listen", "admin.listen"} {
		c := server.Default()
		c.HTTP.Listen, c.GRPC.Listen, c.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		*map[string]*string{"http.listen": &c.HTTP.Listen, "grpc.listen": &c.GRPC.Listen, "admin.listen": &c.Admin.Listen}[setting] = s.Addrs().HTTP
		_, err := server.New(c, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), "server: "+setting+": "+s.Addrs().HTTP+" is in use") {
			t.Errorf("%s: got %v, want an error that names the setting and the address", setting, err)
		}
	}
}

func TestFacesCanBeOff(t *testing.T) {
	s := start(t, func(c *server.Config) { c.HTTP.Listen, c.Admin.Listen = "off", "off" })
	if a := s.Addrs(); a.HTTP != "" || a.Admin != "" || a.GRPC == "" {
		t.Errorf("got addresses %+v, want gRPC's alone", a)
	}
	var a client.Answer
	if err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: wire.SpecToProto(small), Frames: makeFrames(t, small.Input, 1)}, &a); err != nil {
		t.Error(err)
	}
}

// TestMaxConnections: one connection more than allowed is closed at once; when another ends there is room again.
func TestMaxConnections(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxConnections = 1 })
	open := func() net.Conn {
		c, err := net.Dial("tcp", s.Addrs().HTTP)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	serves := func(c net.Conn) bool {
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			return false
		}
		n, _ := c.Read(make([]byte, 16))
		return n > 0
	}
	first := open()
	if !serves(first) {
		t.Fatal("the first connection is not served")
	}
	second := open()
	if serves(second) {
		t.Error("a second connection is served, want it closed")
	}
	_ = second.Close()
	_ = first.Close()
	eventually(t, "there is room again", func() bool { c := open(); defer func() { _ = c.Close() }(); return serves(c) })
}
