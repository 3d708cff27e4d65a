package cli

import (
	"crypto/tls"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMakeCert: a server with the certificate is trusted by who trusts that file, under its names alone, and by its own health
// check under any; nobody else reads the key, and nothing is replaced unasked.
func TestMakeCert(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "new"), t.TempDir()
	for _, d := range []string{dir, other} {
		if err := MakeCert(d, []string{"localhost", "127.0.0.1"}, time.Hour, false); err != nil {
			t.Fatal(err)
		}
	}
	cert, key := filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: got %v, %v, want mode 0600", info, err)
	}
	before, _ := os.ReadFile(key)
	if err := MakeCert(dir, []string{"x"}, time.Hour, false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("again: got %v, want a refusal that names --force", err)
	}
	if after, _ := os.ReadFile(key); string(after) != string(before) {
		t.Error("the refusal changed the key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	defer s.Close()
	trust, err := Trust(cert, false)
	if err != nil {
		t.Fatal(err)
	}
	own, err := TrustOwn(cert)
	if err != nil {
		t.Fatal(err)
	}
	others, err := TrustOwn(filepath.Join(other, CertFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, host string
		client     *tls.Config
		ok         bool
	}{
		{"trusted", "localhost", trust, true}, {"by-address", "127.0.0.1", trust, true}, {"other-name", "elsewhere", trust, false},
		{"own", "elsewhere", own, true}, {"not-own", "localhost", others, false}, {"unknown", "localhost", &tls.Config{}, false},
	} {
		c := tt.client.Clone()
		c.ServerName = tt.host
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), c)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want trusted: %v", tt.name, err, tt.ok)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
	for _, wrong := range []string{key, filepath.Join(dir, "none")} {
		if _, err := TrustOwn(wrong); err == nil {
			t.Errorf("TrustOwn(%s): got no error", wrong)
		}
		if _, err := Trust(wrong, false); err == nil {
			t.Errorf("Trust(%s): got no error", wrong)
		}
	}
}
