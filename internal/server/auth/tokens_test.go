package auth_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// write writes a file of a test.
func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hashed returns the hash of a token, as a file has it.
func hashed(token string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(token))) }

// TestTokensFile: who has a token of the file is known by its name, and may do what its line says; who has auth.token, everything.
func TestTokensFile(t *testing.T) {
	token, line, err := auth.NewToken("wall", config.Scopes{{Action: config.View, Glob: "*"}})
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, filepath.Join(t.TempDir(), "tokens"), "# tokens\n\n"+line+"\r\ncam1\t"+hashed("hunter2")+" publish:cam1, view:cam1  # the door\nops "+hashed("o")+" admin,encode\n")
	for _, withOwn := range []bool{false, true} {
		c := config.Config{Auth: config.Auth{TokensFile: file}}
		if withOwn {
			c.Auth.Token = "own"
		}
		k := newChecker(t, c)
		for _, tt := range []struct {
			token, name string // name is empty for nobody
			may, mayNot []string
		}{
			{token, "token wall", []string{"view:x"}, []string{"publish:x", "encode", "admin"}},
			{"hunter2", "token cam1", []string{"view:cam1", "publish:cam1"}, []string{"view:cam2", "publish:cam10"}},
			{"o", "token ops", []string{"admin", "encode"}, []string{"view:x"}},
			{hashed("hunter2"), "", nil, nil}, {"", "", nil, nil}, {"wall", "", nil, nil}, {token + "x", "", nil, nil}, {"hunter3", "", nil, nil},
			{"own", map[bool]string{true: "auth.token"}[withOwn], []string{"admin", "encode", "view:x", "publish:x"}, nil},
		} {
			r := httptest.NewRequest("GET", "/v1/streams", nil)
			r.Header.Set("Authorization", "Bearer "+tt.token)
			id, err := k.HTTP(r)
			if tt.name == "" {
				if err == nil || fault.From(err).Kind != fault.Unauthorized || strings.Contains(err.Error(), "hunter") {
					t.Errorf("token %q: got %v, %v, want unauthorized, and no secret in the text", tt.token, id, err)
				}
				continue
			}
			if err != nil || id.String() != tt.name {
				t.Errorf("token %q: got %v, %v, want %s", tt.token, id, err, tt.name)
				continue
			}
			for scope, want := range scopes(t, tt.may, tt.mayNot) {
				err := id.May(scope.Action, scope.Glob)
				if (err == nil) != want {
					t.Errorf("%s: got %v for %s, want allowed: %v", id, err, scope, want)
				}
				if err != nil && (fault.From(err).Kind != fault.Forbidden || !strings.Contains(err.Error(), "lacks the scope "+scope.String())) {
					t.Errorf("%s: got %v for %s, want forbidden, and the scope's name", id, err, scope)
				}
			}
		}
	}
}

// scopes returns scopes, and whether they are wanted.
func scopes(t *testing.T, may, mayNot []string) map[config.Scope]bool {
	t.Helper()
	out := map[config.Scope]bool{}
	for want, list := range map[bool][]string{true: may, false: mayNot} {
		for _, text := range list {
			s, err := config.ParseScope(text)
			if err != nil {
				t.Fatal(err)
			}
			out[s] = want
		}
	}
	return out
}

func TestWrongTokensFile(t *testing.T) {
	a, b := hashed("a"), hashed("b")
	for content, want := range map[string]string{
		"cam1":                     "line 1: got 1 words",
		"cam1 " + a:                "line 1: got 2 words",
		"\ncam1 " + a + " watch:x": "line 2",
		"cam1 " + a + " view:*\ncam1 " + b + " encode": "line 2: got the name cam1 again, which is that of line 1",
		"cam1 " + a + " view:*\ncam2 " + a + " encode": "line 2: got the hash of line 1 again",
		"cam1 hunter2 view:*":                          "no hash of a token",
		"cam1 sha256:ff view:*":                        "no hash of a token",
		"cam1 " + a + "0 view:*":                       "no hash of a token",
		"cam/1 " + a + " view:*":                       `got the name "cam/1"`,
		"nvr cert: view:*":                             "name of a certificate",
		"x cert:n view:*\ny cert:n view:*":             "that no other line has",
	} {
		_, err := auth.ParseTokens([]byte(content))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want %q, and no secret", content, err, want)
		}
	}
	file := write(t, filepath.Join(t.TempDir(), "tokens"), "cam1")
	if _, err := auth.New(config.Config{Auth: config.Auth{TokensFile: file}}, nil); err == nil || !strings.Contains(err.Error(), "auth.tokens_file: "+file+": line 1") {
		t.Errorf("got %v, want the setting, the file and the line", err)
	}
}

// TestCertificateNames: a certificate is known by its name, and may do what the line of that name says, or tls.client_scopes.
func TestCertificateNames(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "tokens"), "recorder cert:nvr.example view:*\n")
	viewOnly := config.Scopes{{Action: config.View, Glob: "lobby"}}
	k := newChecker(t, config.Config{TLS: config.TLS{ClientCA: "x", ClientScopes: viewOnly}, Auth: config.Auth{TokensFile: file}})
	u, err := url.Parse("spiffe://x/cam")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cert x509.Certificate
		name string
		sees bool // another stream than lobby
	}{
		{x509.Certificate{Subject: pkix.Name{CommonName: "nvr.example"}}, "certificate recorder", true},
		{x509.Certificate{DNSNames: []string{"nvr.example"}}, "certificate recorder", true},
		{x509.Certificate{Subject: pkix.Name{CommonName: "other"}, DNSNames: []string{"nvr.example"}}, "certificate other", false},
		{x509.Certificate{Subject: pkix.Name{CommonName: "token recorder"}}, "certificate token recorder", false},
		{x509.Certificate{URIs: []*url.URL{u}}, "certificate spiffe://x/cam", false},
		{x509.Certificate{SerialNumber: big.NewInt(7)}, "certificate number 7", false},
	} {
		id, err := k.Identify(auth.Credentials{Peer: "10.0.0.1:9", TLS: &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{&tt.cert}}}})
		if err != nil || id.String() != tt.name || id.Sees("garage") != tt.sees || !id.Sees("lobby") || id.Owner() != tt.name {
			t.Errorf("got %v (sees garage: %v), %v, want %s", id, id.Sees("garage"), err, tt.name)
		}
	}
}

// FuzzParseTokens holds that a file that is accepted names as many as it has lines that say something, and that an error quotes nothing
// that may be a secret.
func FuzzParseTokens(f *testing.F) {
	f.Add("cam1 " + hashed("a") + " view:*\n")
	f.Add("# nothing\n\nx cert:y encode,admin")
	f.Add("cam1 supersecret view:*")
	f.Fuzz(func(t *testing.T, content string) {
		n, err := auth.ParseTokens([]byte(content))
		if err != nil {
			for line := range strings.Lines(content) {
				if fields := strings.Fields(line); len(fields) > 2 && len(fields[1]) > 12 && !strings.HasPrefix(fields[1], "cert:") &&
					!strings.Contains(fields[0]+strings.Join(fields[2:], " "), fields[1]) && strings.Contains(err.Error(), fields[1]) {
					t.Errorf("got %v, which has the second word of a line", err)
				}
			}
			return
		}
		lines := 0
		for line := range strings.Lines(content) {
			text, _, _ := strings.Cut(line, "#")
			if len(strings.Fields(text)) > 0 {
				lines++
			}
		}
		if n != lines {
			t.Errorf("got %d tokens of %d lines", n, lines)
		}
	})
}
