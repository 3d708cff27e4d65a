package httpapi

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
)

// tlsVariable, when set, makes the servers of the viewers' tests listen with TLS. `make test-tls` sets it.
const tlsVariable = "TEST_STEADYFRAME_TLS"

// certificate returns the TLS configurations of servers and of their clients; nil both without TLS.
var certificate = sync.OnceValues(func() (server, client *tls.Config) {
	if os.Getenv(tlsVariable) == "" {
		return nil, nil
	}
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "127.0.0.1"
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}, client
})

func serverTLS() *tls.Config {
	server, _ := certificate()
	return server
}

func clientTLS() *tls.Config {
	_, client := certificate()
	return client.Clone()
}

// scheme is http or https.
func scheme() string {
	if clientTLS() == nil {
		return "http://"
	}
	return "https://"
}

// dialTCP connects to a server.
func dialTCP(t testing.TB, addr string) (c net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if config := clientTLS(); config != nil {
		c = tls.Client(c, config)
	}
	return c
}

// httpClient returns a client of such servers.
func httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), DisableKeepAlives: true}}
}
