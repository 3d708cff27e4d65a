package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/redact"
	livestream "github.com/steadyframe/steadyframe/internal/stream"
)

// PushTarget is a live stream of a server.
type PushTarget struct {
	Stream string
	base   *url.URL    // the server's, with the path below which its routes are
	socket string      // the path of a Unix socket; empty: base says where
	query  url.Values  // of the URL
	tls    *tls.Config // of HTTPS; nil: the system's authorities are trusted
}

// Trust says which HTTPS servers are trusted besides those that the system's authorities vouch for: those of the
// certificates in the PEM file ca, if one is named, or with insecure any. The error is for the user.
func (t *PushTarget) Trust(ca string, insecure bool) error {
	switch {
	case ca == "" && !insecure:
		return nil
	case t.base.Scheme != "https":
		return usagef("--ca and --insecure are for https:// URLs; the URL is %s", t.base)
	}
	var err error
	t.tls, err = Trust(ca, insecure)
	return err
}

// streamsPath is where streams are published.
const streamsPath = "/v1/streams/"

// IsPushURL reports whether s is the URL of a server, rather than an input.
func IsPushURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "unix:")
}

// ParsePushTarget returns the stream that rawURL says: http://host:port, perhaps with /v1/streams/NAME, or unix:/path.
// name is its name, where that is given; without one in either place it follows from input, a path, URL or -. The error
// is a *UsageError.
func ParsePushTarget(rawURL, name, input string) (*PushTarget, error) {
	t := &PushTarget{}
	var err error
	if path, ok := strings.CutPrefix(rawURL, "unix:"); ok {
		t.socket, t.base = strings.TrimPrefix(path, "//"), &url.URL{Scheme: "http", Host: "localhost"}
		if t.socket == "" {
			return nil, usagef("the URL is %s, want the path of a socket after unix:", rawURL)
		}
	} else if t.base, err = url.Parse(rawURL); err != nil || !IsPushURL(rawURL) || t.base.Host == "" {
		return nil, usagef("the URL is %s, want one such as http://127.0.0.1:8080, or unix:/path", rawURL)
	}
	if t.query, err = url.ParseQuery(t.base.RawQuery); err != nil {
		return nil, usagef("the query of the URL: %w", err)
	}
	path, named, _ := strings.Cut(t.base.Path, streamsPath)
	t.base = &url.URL{Scheme: t.base.Scheme, Host: t.base.Host, Path: strings.TrimRight(path, "/")}
	switch {
	case named != "" && name != "" && named != name:
		return nil, usagef("the URL names the stream %s, and --stream %s: want one name", named, name)
	case named != "":
		name = named
	case name == "":
		name = streamName(input)
	}
	if err := livestream.CheckName(name); err != nil {
		return nil, usagef("--stream: %w", err)
	}
	t.Stream = name
	return t, nil
}

// maxName is how long the name of a stream may be.
const maxName = 64

// streamName returns the name of a stream that is fed from input: its base name without ending, with what a name may
// not have replaced.
func streamName(input string) string {
	if u, err := url.Parse(redact.URL(input)); err == nil && isURL(input) {
		input = u.Host + u.Path
	}
	base := filepath.Base(input)
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c) {
			return c
		}
		return '-'
	}, strings.TrimSuffix(base, filepath.Ext(base)))
	name = strings.Trim(name[:min(len(name), maxName)], ".-")
	if name == "" {
		return "live"
	}
	return name
}

// publishURL returns where to send frames, with what query says of them.
func (t *PushTarget) publishURL(query url.Values) string {
	u := t.base.JoinPath(streamsPath, t.Stream)
	u.RawQuery = query.Encode()
	return u.String()
}

// soundURL returns where to send sound, with what query says of it.
func (t *PushTarget) soundURL(query url.Values) string {
	u := t.base.JoinPath(streamsPath, t.Stream, "sound")
	u.RawQuery = query.Encode()
	return u.String()
}

// WatchURL returns where a person sees the stream.
func (t *PushTarget) WatchURL() string {
	if t.socket != "" {
		return "unix:" + t.socket + " /stream/" + t.Stream + ".mjpg"
	}
	return t.base.String() + "/#/stream/" + t.Stream
}

// pushBuffer holds a chunk of a body, 32 KiB as net/http makes them, with the lines around it, so that it takes one system
// call and not three.
const pushBuffer = 64 << 10

// continueTime is how long a request waits for the server to ask for its body. A server that does not know how to ask
// gets the body then.
const continueTime = 500 * time.Millisecond

// transport returns what sends requests to the server. One connection serves one request: what comes after a broken one
// is to find a server that may be new.
func (t *PushTarget) transport() *http.Transport {
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true, WriteBufferSize: pushBuffer, Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: t.tls, ExpectContinueTimeout: continueTime}
	if t.socket != "" {
		var d net.Dialer
		tr.Proxy = nil
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", t.socket) }
	}
	return tr
}

// reachError returns why there is no connection, as a person should read it.
func (t *PushTarget) reachError(err error) string {
	for _, broke := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, broke) { // Which of them it is depends on what the transport was doing.
			return "the connection broke"
		}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		err = op.Err
	}
	return err.Error()
}
