package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/askfirst"
)

// Endpoint is the HTTP listener of a server.
type Endpoint struct {
	base   *url.URL    // with the path below which its routes are
	socket string      // the path of a Unix socket; empty: base says where
	tls    *tls.Config // of HTTPS; nil: the system's authorities are trusted
}

// IsPushURL reports whether s is the URL of a server, rather than an input.
func IsPushURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "unix:")
}

// ParseEndpoint returns the listener that rawURL says: http://host:port, https://host or unix:/path. What is behind its path,
// if anything, is in query. The error is a *UsageError.
func ParseEndpoint(rawURL string) (e Endpoint, query url.Values, err error) {
	if path, ok := strings.CutPrefix(rawURL, "unix:"); ok {
		e.socket, e.base = strings.TrimPrefix(path, "//"), &url.URL{Scheme: "http", Host: "localhost"}
		if e.socket == "" {
			return Endpoint{}, nil, usagef("the URL is %s, want the path of a socket after unix:", rawURL)
		}
	} else if e.base, err = url.Parse(rawURL); err != nil || !IsPushURL(rawURL) || e.base.Host == "" {
		return Endpoint{}, nil, usagef("the URL is %s, want one such as http://127.0.0.1:8080, or unix:/path", rawURL)
	}
	if query, err = url.ParseQuery(e.base.RawQuery); err != nil {
		return Endpoint{}, nil, usagef("the query of the URL: %w", err)
	}
	e.base = &url.URL{Scheme: e.base.Scheme, Host: e.base.Host, Path: e.base.Path}
	return e, query, nil
}

// Trust says which HTTPS servers are trusted besides those that the system's authorities vouch for: those of the
// certificates in the PEM file ca, if one is named, or with insecure any. The error is for the user.
func (e *Endpoint) Trust(ca string, insecure bool) error {
	switch {
	case ca == "" && !insecure:
		return nil
	case e.base.Scheme != "https":
		return usagef("--ca and --insecure are for https:// URLs; the URL is %s", e.base)
	}
	var err error
	e.tls, err = Trust(ca, insecure)
	return err
}

// String returns where it is, for messages: host:port, or the path of a socket.
func (e *Endpoint) String() string { return cmp.Or(e.socket, e.base.Host) }

// bufferBytes holds a chunk of a body, 32 KiB as net/http makes them, with the lines around it, so that it takes one system
// call and not three.
const bufferBytes = 64 << 10

// continueTime is how long a request waits for the server to ask for its body. A server that does not know how to ask
// gets the body then.
const continueTime = 500 * time.Millisecond

// transport returns what sends requests to the server. One connection serves one request: what comes after a broken one
// is to find a server that may be new.
func (e *Endpoint) transport() *http.Transport {
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true, WriteBufferSize: bufferBytes, Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: e.tls, ExpectContinueTimeout: continueTime}
	dial := askfirst.Dial(new(net.Dialer))
	switch {
	case e.socket != "":
		tr.Proxy = nil
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, "unix", e.socket) }
	case e.base.Scheme == "http": // TLS asks first in any case.
		tr.DialContext = dial
	}
	return tr
}

// What to do about servers that are not trusted, or that speak no TLS, or something else.
const (
	trustAdvice = "give the certificate of its authority with --ca FILE, or --insecure to trust any server"
	plainAdvice = "use an http:// URL"
	portAdvice  = "check the port: gRPC has another one than HTTP, whose setting is http.listen"
)

// reachError returns why there is no connection, as a person should read it.
func (e *Endpoint) reachError(err error) string {
	for _, broke := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, broke) { // Which of them it is depends on what the transport was doing.
			return "the connection broke"
		}
	}
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &untrusted):
		return "its certificate is not trusted: " + untrusted.Err.Error() + ": " + trustAdvice
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &notTLS):
		return "it does not speak HTTPS: " + plainAdvice
	case notHTTP(err):
		return "it is no HTTP/1.1 server: " + portAdvice
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

// notReached returns the error of a request that never got to the server, of a command that has --server.
func (e *Endpoint) notReached(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("no server listens at %s: is it running? --server URL asks another", e)
	}
	return fmt.Errorf("cannot reach the server at %s: %s", e, e.reachError(err))
}

// notHTTP reports whether something responded that is no HTTP/1.1, for which net/http has no type.
func notHTTP(err error) bool { return strings.Contains(err.Error(), "malformed HTTP") }

// plainToTLS is what net/http says to a request without TLS where it serves TLS.
const plainToTLS = "Client sent an HTTP request to an HTTPS server."

// detail returns what a response with an error says was wrong.
func detail(response *http.Response) string {
	data, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse)) // What arrived is what can be shown.
	var problem struct{ Detail string }
	if json.Unmarshal(data, &problem) != nil {
		problem.Detail, _, _ = strings.Cut(strings.TrimSpace(string(data)), "\n")
	}
	if problem.Detail == plainToTLS {
		return "it speaks HTTPS: use an https:// URL, with --ca FILE where its certificate is its own"
	}
	return problem.Detail
}
