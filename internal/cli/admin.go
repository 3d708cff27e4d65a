package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/steadyframe/steadyframe/internal/askfirst"
)

// adminAdvice says what to do about something else at the address of an admin listener.
const adminAdvice = "check the port: HTTP and gRPC have others than admin.listen"

// maxResponse caps what is read of a response.
const maxResponse = 4 << 10

// AskAdmin gets path from a server's admin listener, which listens as the setting admin.listen says: host:port, or unix:/path. cert is the server's
// certificate (tls.cert), empty without TLS. It returns the
// response's body, or an error when there is none, or when its status is not 200. The error is for the user as it is.
func AskAdmin(ctx context.Context, listen, cert, path string) (string, error) {
	if listen == "off" {
		return "", usagef("admin.listen is off: there is no one to ask; give --admin ADDR")
	}
	network, address := "tcp", listen
	if socket, ok := strings.CutPrefix(listen, "unix:"); ok {
		network, address = "unix", socket
	}
	dial := askfirst.Dial(new(net.Dialer))
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, network, dialable(address))
		},
		DisableKeepAlives: true,
	}
	scheme := "http"
	if cert != "" && network != "unix" {
		var err error
		if transport.TLSClientConfig, err = TrustOwn(cert); err != nil {
			return "", err
		}
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost"+path, nil)
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT):
		return "", fmt.Errorf("no server at %s: is it running, and with this admin.listen?", listen)
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("the server at %s did not respond in time", listen)
	case err != nil && notHTTP(err):
		return "", fmt.Errorf("%s is no HTTP server: %s", listen, adminAdvice)
	case err != nil:
		return "", fmt.Errorf("admin listener %s: %w", listen, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return "", fmt.Errorf("%s is not the admin listener (%s): %s", listen, response.Status, adminAdvice)
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse)) // what arrived is what can be shown
	text := string(bytes.TrimSpace(body))
	if text == plainToTLS {
		return "", fmt.Errorf("the server at %s speaks TLS: give its settings, --config or --set tls.cert and tls.key", listen)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server at %s says %s: %s", listen, response.Status, text)
	}
	return text, nil
}

// dialable returns the address to dial for one to listen at: where that is every address of the machine, its own.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil { // unix:/path
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
