package conn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// signer makes certificates.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate of 127.0.0.1 for these uses, signed by s, or by itself where s is nil, and writes it and its key.
func (s *signer) issue(t *testing.T, name string, uses ...x509.ExtKeyUsage) (own *signer, files config.TLS) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: uses,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: s == nil,
	}
	parent := &signer{template, key}
	if s != nil {
		parent = s
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files = config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}, files
}

// meet makes a connection between two configurations, and returns what the server saw of the client.
func meet(t *testing.T, server, client *tls.Config) (shown int, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // A pipe without a buffer would keep the client's alert from the server's.
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	client = client.Clone()
	client.ServerName = "127.0.0.1"
	s, c := tls.Server(a, server), tls.Client(b, client)
	ended := make(chan error, 1)
	go func() {
		err := c.Handshake()
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // In TLS 1.3 a refusal comes after the client's handshake.
		}
		b.Close()
		ended <- err
	}()
	err = s.Handshake()
	if err == nil {
		_, err = s.Write([]byte{1})
	}
	shown = len(s.ConnectionState().PeerCertificates)
	a.Close()
	return shown, errors.Join(err, <-ended)
}

// TestPeers: a node shows its certificate to nodes that can check it, trusts its own and those of the authorities in the settings, and no
// others. Between the embedded NATS of nodes both ends must, where their certificates are made for that.
func TestPeers(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	var none *signer
	authority, of := none.issue(t, "authority")
	_, node := authority.issue(t, "node", both...)
	_, serverOnly := authority.issue(t, "server", x509.ExtKeyUsageServerAuth)
	_, alone := none.issue(t, "alone", both...)
	_, stranger := none.issue(t, "stranger", both...)

	settings := func(files config.TLS, clientCA, ca string) (c config.Config) {
		c = config.Default()
		c.TLS.Cert, c.TLS.Key, c.TLS.ClientCA, c.Cluster.CA = files.Cert, files.Key, clientCA, ca
		return c
	}
	for _, tt := range []struct {
		name         string
		server, peer config.Config
		routes       bool
		shown        int
		refused      string // "": it is not
	}{
		{"mtls", settings(node, of.Cert, ""), settings(node, of.Cert, ""), false, 1, ""},
		{"mtls-routes", settings(node, of.Cert, ""), settings(node, of.Cert, ""), true, 1, ""},
		{"no-client-certificate", settings(serverOnly, of.Cert, ""), settings(serverOnly, of.Cert, ""), false, 0, ""},
		{"no-client-certificate-routes", settings(serverOnly, of.Cert, ""), settings(serverOnly, of.Cert, ""), true, 0, ""},
		{"routes-without", settings(node, of.Cert, ""), settings(serverOnly, of.Cert, ""), true, 0, "certificate"},
		{"another-authority", settings(node, of.Cert, ""), settings(stranger, of.Cert, ""), true, 0, "certificate"},
		{"shared", settings(alone, "", ""), settings(alone, "", ""), false, 0, ""},
		{"shared-routes", settings(alone, "", ""), settings(alone, "", ""), true, 0, ""},
		{"unknown-server", settings(stranger, "", ""), settings(alone, "", ""), true, 0, "authority"},
		{"cluster-ca", settings(serverOnly, "", ""), settings(alone, "", of.Cert), false, 0, ""},
		{"cluster-ca-alone", settings(alone, "", ""), settings(alone, "", of.Cert), false, 0, "authority"},
		{"no-certificate", settings(serverOnly, "", ""), settings(config.TLS{}, "", of.Cert), false, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, err := LoadTLS(tt.server.TLS, log)
			if tt.routes {
				server, err = RouteTLS(tt.server, log)
			}
			if err != nil {
				t.Fatal(err)
			}
			client, err := PeerTLS(tt.peer, log)
			if tt.routes {
				client, err = RouteTLS(tt.peer, log)
			}
			if err != nil {
				t.Fatal(err)
			}
			shown, err := meet(t, server, client)
			switch {
			case tt.refused == "" && (err != nil || shown != tt.shown):
				t.Errorf("got %d certificates of the client, %v, want %d", shown, err, tt.shown)
			case tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)):
				t.Errorf("got %v, want %q", err, tt.refused)
			}
		})
	}
	for key, c := range map[string]config.Config{
		"cluster.ca": settings(node, "", node.Key), "tls.client_ca": settings(node, "/does/not/exist", ""), "tls.cert": settings(config.TLS{Cert: "/does/not/exist", Key: node.Key}, "", ""),
	} {
		if _, err := RouteTLS(c, log); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("got %v, want %s", err, key)
		}
	}
	if routes, err := RouteTLS(config.Default(), log); routes != nil || err != nil {
		t.Errorf("got %v, %v without tls.cert, want nothing", routes, err)
	}
}
