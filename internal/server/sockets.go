package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
)

// Sockets are listeners that a service manager opened before the server began, by the API that they are for: http, grpc, rtsp,
// ring or admin. Each takes the place of that API's setting, such as http.listen.
type Sockets map[string]net.Listener

// NewOn is New with sockets, which it takes: they are closed when the server ends, or cannot begin.
func NewOn(c Config, sockets Sockets, log *slog.Logger) (*Server, error) {
	s, err := newServer(c, log, options{sockets: sockets})
	if err != nil {
		for _, l := range sockets {
			_ = l.Close() // It may be closed already.
		}
	}
	return s, err
}

// settings returns c with the addresses of the sockets as its own, so that all rules for settings hold for them.
func (s Sockets) settings(c Config) (Config, error) {
	listen := map[string]*string{"http": &c.HTTP.Listen, "grpc": &c.GRPC.Listen, "rtsp": &c.RTSP.Listen, "ring": &c.Ring.Listen, "admin": &c.Admin.Listen}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		address, ok := listen[name]
		if !ok {
			return c, fmt.Errorf("server: got a socket with the name %q, want %v: see FileDescriptorName in its .socket unit", name, slices.Sorted(maps.Keys(listen)))
		}
		*address = addressOf(s[name])
	}
	return c, nil
}

// bySetting returns the sockets by the settings that they take the place of.
func (s Sockets) bySetting() map[string]net.Listener {
	by := map[string]net.Listener{}
	for name, l := range s {
		by[name+".listen"] = l
	}
	return by
}

// addressOf returns where l listens, as a setting says it: host:port or unix:/path.
func addressOf(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}

// SelfTest encodes a tiny frame and returns the error, if any. It tells a broken server from a busy one.
func (s *Server) SelfTest(ctx context.Context) error { return s.engine.SelfTest(ctx) }
