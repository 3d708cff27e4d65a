package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// RemoteSource is a source that is a live stream of another Steadyframe server.
type RemoteSource struct {
	Target string // host:port of its gRPC API
	Stream string // the stream's name there
	Token  string // that the server wants; empty: none
	TLS    bool
}

// ParseRemoteSource reads a source grpc://HOST:PORT/NAME, or grpcs://HOST:PORT/NAME over TLS, with :TOKEN@ before the host
// where the server wants a token. ok reports whether source is of that kind, well formed or not. The error does not show the token.
func ParseRemoteSource(source string) (s RemoteSource, ok bool, err error) {
	scheme, _, found := strings.Cut(source, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "grpc" && scheme != "grpcs" {
		return s, false, nil
	}
	wrong := fmt.Errorf("got %q, want %s://HOST:PORT/NAME, or %[2]s://:TOKEN@HOST:PORT/NAME, with the port of a server's grpc.listen and the name of its stream",
		redact.URL(source), scheme)
	u, err := url.Parse(source)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.RawQuery != "" || u.Fragment != "" || stream.CheckName(strings.TrimPrefix(u.Path, "/")) != nil {
		return s, true, wrong
	}
	s = RemoteSource{Target: u.Host, Stream: u.Path[1:], TLS: scheme == "grpcs"}
	if u.User != nil {
		s.Token, _ = u.User.Password()
		if s.Token == "" || u.User.Username() != "" {
			return s, true, wrong // A user would be shown.
		}
	}
	return s, true, nil
}
