package server_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// tlsVariable, when set, makes all servers of these tests listen with TLS, and all clients use it: the tests must pass
// either way. `make test-tls` sets it.
const tlsVariable = "TEST_STEADYFRAME_TLS"

// clientTLS is what clients trust; nil without TLS.
var clientTLS *tls.Config

// scheme is that of HTTP URLs.
var scheme = "http"

// setTLS sets all that up, with the certificate of package httptest.
func setTLS() {
	if os.Getenv(tlsVariable) == "" {
		return
	}
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	server.TLS = &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	clientTLS = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	scheme = "https"
	http.DefaultTransport = newTransport()
}

// newTransport returns a transport to the servers.
func newTransport() *http.Transport { return &http.Transport{TLSClientConfig: clientTLS.Clone()} }

// dialRaw opens a connection to a server.
func dialRaw(network, addr string) (net.Conn, error) {
	if clientTLS == nil {
		return net.Dial(network, addr)
	}
	return tls.Dial(network, addr, namedTLS())
}

// closeWrite ends the sending direction of a connection from dialRaw.
func closeWrite(c net.Conn) error { return c.(interface{ CloseWrite() error }).CloseWrite() }

// transportCredentials are a gRPC client's.
func transportCredentials() grpc.DialOption {
	if clientTLS == nil {
		return grpc.WithTransportCredentials(insecure.NewCredentials())
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(namedTLS()))
}

// dialClient is client.Dial.
func dialClient(target string, o client.Options) (*client.Client, error) {
	o.Dial = append(o.Dial, transportCredentials())
	return client.Dial(target, &o)
}

// namedTLS is clientTLS for connections whose address is no name that the certificate has, such as those to Unix sockets.
func namedTLS() *tls.Config {
	c := clientTLS.Clone()
	if c != nil {
		c.ServerName = "127.0.0.1"
	}
	return c
}

// secure returns c, which is plain, as a client's TLS connection if the tests use TLS, with one of those protocols above it.
func secure(c net.Conn, protocols ...string) net.Conn {
	if clientTLS == nil {
		return c
	}
	over := namedTLS()
	over.NextProtos = protocols
	return tls.Client(c, over)
}
