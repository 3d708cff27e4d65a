package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority returns an authority of its own.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = sign(t, nil, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign returns a certificate like template, signed by a, or by itself.
func sign(t *testing.T, a *authority, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a == nil {
		a = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// pool returns the authority as one to trust.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// client returns a client's certificate.
func (a *authority) client(t *testing.T) tls.Certificate {
	cert, key := sign(t, a, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// write writes a server's certificate and its key, one after the other.
func (a *authority) write(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	cert, key := sign(t, a, &x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeBlock(t, certFile, "CERTIFICATE", cert.Raw)
	writeBlock(t, keyFile, "PRIVATE KEY", der)
	return cert
}

func writeBlock(t *testing.T, path, kind string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startTLS starts a server with a certificate of a.
func startTLS(t *testing.T, a *authority, change func(*server.Config)) *running {
	t.Helper()
	dir := t.TempDir()
	return start(t, func(c *server.Config) {
		c.TLS.Cert, c.TLS.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		a.write(t, c.TLS.Cert, c.TLS.Key)
		if change != nil {
			change(c)
		}
	})
}

// getTLS gets a URL over a connection of its own, and returns the status and the connection's state.
func getTLS(ctx context.Context, url string, c *tls.Config, header ...string) (int, *tls.ConnectionState, error) {
	transport := &http.Transport{TLSClientConfig: c.Clone(), ForceAttemptHTTP2: true} // It changes its Config.
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.TLS, errors.Join(err, resp.Body.Close())
}

// TestTLS: with a certificate all listeners speak TLS 1.2 or newer, HTTP in both versions, and nothing older or plain.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	s := startTLS(t, a, nil)
	for _, url := range []string{"https://" + s.Addrs().HTTP + "/v1/streams", "https://" + s.Addrs().Admin + "/healthz"} {
		for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			status, state, err := getTLS(timeout(t), url, &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS10, MaxVersion: version})
			if (err == nil) != ok || ok && (status != http.StatusOK || state.Version != version || state.NegotiatedProtocol != "h2") {
				t.Errorf("%s with TLS %#x: got %d, %v, want allowed: %v", url, version, status, err, ok)
			}
		}
		if status, _, err := getTLS(timeout(t), "http"+url[len("https"):], nil); err == nil && status == http.StatusOK {
			t.Errorf("%s without TLS: got %d", url, status)
		}
		if _, _, err := getTLS(timeout(t), url, &tls.Config{RootCAs: newAuthority(t).pool()}); err == nil {
			t.Errorf("%s: a client that trusts another authority got a response", url)
		}
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		over, err := tls.Dial("tcp", s.Addrs().GRPC, &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: []string{"h2"}})
		if (err == nil) != ok {
			t.Errorf("gRPC with TLS %#x: got %v, want allowed: %v", version, err, ok)
		}
		if err == nil {
			_ = over.Close()
		}
	}
	c, err := client.Dial(s.Addrs().GRPC, &client.Options{TLS: &tls.Config{RootCAs: a.pool()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frames := makeFrames(t, small.Input, 2)
	var r client.Response
	if err := c.Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, &r); err != nil {
		t.Fatal(err)
	}
	checkImages(t, images(t, &r), encodeDirectly(t, small, frames))
}

// TestCertificateChangesUnderLoad: while clients connect all the time, the files of the certificate are replaced, one after the
// other. No client fails, new connections get the new certificate, and one that is open goes on.
func TestCertificateChangesUnderLoad(t *testing.T) {
	a := newAuthority(t)
	var certFile, keyFile string
	s := startTLS(t, a, func(c *server.Config) { certFile, keyFile = c.TLS.Cert, c.TLS.Key })
	url := "https://" + s.Addrs().HTTP + "/v1/streams"
	trust := &tls.Config{RootCAs: a.pool()}
	open, err := tls.Dial("tcp", s.Addrs().HTTP, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	var newest, seen atomic.Pointer[big.Int]
	newest.Store(new(big.Int))
	ctx, stop := context.WithCancel(timeout(t))
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				status, state, err := getTLS(ctx, url, trust)
				if ctx.Err() != nil {
					return
				}
				if err != nil || status != http.StatusOK {
					t.Errorf("a client got %d, %v", status, err)
					return
				}
				if state.PeerCertificates[0].SerialNumber.Cmp(newest.Load()) == 0 {
					seen.Store(newest.Load())
				}
			}
		})
	}
	newest.Store(a.write(t, certFile, keyFile).SerialNumber)
	eventually(t, "the new certificate", func() bool { return seen.Load() == newest.Load() || t.Failed() })
	stop()
	clients.Wait()
	if _, err := open.Write([]byte("GET /v1/streams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(open); err != nil || len(body) == 0 {
		t.Errorf("the connection from before got %q, %v", body, err)
	}
}

// TestClientCertificates: a certificate that tls.client_ca signed does what the token does, and no other does; without either a
// client is refused.
func TestClientCertificates(t *testing.T) {
	a, clients := newAuthority(t), newAuthority(t)
	for _, token := range []string{"", "hunter2"} {
		s := startTLS(t, a, func(c *server.Config) {
			c.TLS.ClientCA = filepath.Join(filepath.Dir(c.TLS.Cert), "clients.pem")
			writeBlock(t, c.TLS.ClientCA, "CERTIFICATE", clients.cert.Raw)
			c.Auth.Token = token
		})
		for _, tt := range []struct {
			name    string
			certs   []tls.Certificate
			header  []string
			status  int // 0: the connection fails
			grpcErr bool
		}{
			{"none", nil, nil, 401, true},
			{"signed", []tls.Certificate{clients.client(t)}, nil, 200, false},
			{"signed-by-the-servers", []tls.Certificate{a.client(t)}, nil, 0, true},
			{"empty-token", nil, []string{"Authorization", "Bearer "}, 401, true},
		} {
			trust := &tls.Config{RootCAs: a.pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(tt.certs) == 0 {
					return &tls.Certificate{}, nil
				}
				return &tt.certs[0], nil
			}}
			status, _, err := getTLS(timeout(t), "https://"+s.Addrs().HTTP+"/v1/streams", trust, tt.header...)
			if status != tt.status || (err != nil) != (tt.status == 0) {
				t.Errorf("%s, token %q: got %d, %v, want %d", tt.name, token, status, err, tt.status)
			}
			c, err := client.Dial(s.Addrs().GRPC, &client.Options{TLS: trust})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.ListStreams(timeout(t)); (err != nil) != tt.grpcErr {
				t.Errorf("%s over gRPC, token %q: got %v, want an error: %v", tt.name, token, err, tt.grpcErr)
			}
			_ = c.Close()
		}
		if token != "" {
			status, _, err := getTLS(timeout(t), "https://"+s.Addrs().HTTP+"/v1/streams", &tls.Config{RootCAs: a.pool()}, "Authorization", "Bearer "+token)
			if status != http.StatusOK {
				t.Errorf("with the token: got %d, %v", status, err)
			}
		}
		s.stop()
	}
}

// handshakes is how many connections to each listener TestSlowHandshakes lets stall. The goal is stated for 1,000 at a time:
// go test ./internal/server -run SlowHandshakes -handshakes 1000
var handshakes = flag.Int("handshakes", 100, "connections to each listener whose TLS handshakes TestSlowHandshakes lets stall")

// TestSlowHandshakes: connections that begin a handshake and stop keep nobody out, and are closed after timeouts.receive.
func TestSlowHandshakes(t *testing.T) {
	a := newAuthority(t)
	s := startTLS(t, a, func(c *server.Config) {
		c.Limits.MaxConnections = 8
		c.Timeout.Receive = server.Duration(time.Second)
	})
	trust := &tls.Config{RootCAs: a.pool()}
	hello := []byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3} // the beginning of a ClientHello of 512 bytes
	addresses := []string{s.Addrs().HTTP, s.Addrs().GRPC, s.Addrs().Admin}
	var stalled []net.Conn
	for _, address := range addresses {
		for range *handshakes {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = c.Write(hello) // It may have been closed already.
			stalled = append(stalled, c)
		}
		eventually(t, "a client beside them", func() bool { // On a busy machine its own handshake may take too long.
			c, err := tls.Dial("tcp", address, trust)
			if err != nil {
				return false
			}
			return c.Close() == nil
		})
	}
	for i, c := range stalled {
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d to %v is still open", i, c.RemoteAddr())
		}
	}
}

// clientOf returns the settings of a client that trusts a.
func clientOf(a *authority) *tls.Config { return &tls.Config{RootCAs: a.pool()} }
