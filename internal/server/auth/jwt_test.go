package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
)

// issuer signs JSON Web Tokens with a key of each kind.
type issuer map[string]crypto.Signer // by the method

func newIssuer(t testing.TB) issuer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey}
}

// jwks returns the public keys as a JWK Set, with others that no signature is of.
func (i issuer) jwks(t testing.TB) []byte {
	t.Helper()
	store := jwkset.NewMemoryStorage()
	for method, key := range i {
		marshaled, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: method, USE: jwkset.UseSig}})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.KeyWrite(t.Context(), marshaled); err != nil {
			t.Fatal(err)
		}
	}
	set, err := store.Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	set.Keys = append(set.Keys, jwkset.JWKMarshal{KTY: "future", KID: "x"})
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sign returns a token. A nil value takes a claim out of those of a good one.
func (i issuer) sign(t testing.TB, method string, change map[string]any) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "https://issuer.example", "aud": "steadyframe", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "scope": "openid view:cam* encode"}
	kid := method
	for name, v := range change {
		switch {
		case name == "kid":
			kid = v.(string)
		case v == nil:
			delete(claims, name)
		default:
			claims[name] = v
		}
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(method), claims)
	token.Header["kid"] = kid
	text, err := token.SignedString(i[method])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// settings returns settings that take the tokens of an issuer whose keys are there.
func jwtSettings(jwks string) config.Config {
	return config.Config{Auth: config.Auth{JWT: config.JWT{JWKS: jwks, Issuer: "https://issuer.example", Audience: "steadyframe", Claim: "scope"}}}
}

// TestJWT: a token of the issuer, for this server and this time, is its subject's with the scopes of its claim; any other is refused,
// and none is taken whose signature proves nothing.
func TestJWT(t *testing.T) {
	own, other := newIssuer(t), newIssuer(t)
	file := write(t, filepath.Join(t.TempDir(), "jwks.json"), string(own.jwks(t)))
	k := newChecker(t, jwtSettings(file))
	public, err := json.Marshal(own["RS256"].Public())
	if err != nil {
		t.Fatal(err)
	}
	hmac := func(key []byte) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "https://issuer.example", "aud": "steadyframe", "sub": "mallory", "exp": time.Now().Add(time.Hour).Unix()})
		token.Header["kid"] = "RS256"
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": "https://issuer.example", "aud": "steadyframe", "sub": "mallory", "exp": 1 << 40}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	good := own.sign(t, "RS256", nil)
	parts := strings.Split(good, ".")
	others := strings.Split(own.sign(t, "RS256", map[string]any{"sub": "bob"}), ".")
	tests := []struct{ name, token, want string }{ // want is the identity and its scopes, or the beginning of an error
		{"rs256", good, "jwt alice view:cam*,encode"},
		{"es256", own.sign(t, "ES256", nil), "jwt alice view:cam*,encode"},
		{"eddsa", own.sign(t, "EdDSA", nil), "jwt alice view:cam*,encode"},
		{"list", own.sign(t, "ES256", map[string]any{"scope": []string{"admin", "email"}}), "jwt alice admin"},
		{"audiences", own.sign(t, "ES256", map[string]any{"aud": []string{"x", "steadyframe"}}), "jwt alice view:cam*,encode"},
		{"no-scope", own.sign(t, "ES256", map[string]any{"scope": nil}), "jwt alice "},
		{"odd-scope", own.sign(t, "ES256", map[string]any{"scope": 7}), "jwt alice "},
		{"expired", own.sign(t, "ES256", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "the JSON Web Token is not valid at this time"},
		{"early", own.sign(t, "ES256", map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), "the JSON Web Token is not valid at this time"},
		{"endless", own.sign(t, "ES256", map[string]any{"exp": nil}), "the JSON Web Token is for another server"},
		{"issuer", own.sign(t, "ES256", map[string]any{"iss": "https://other.example"}), "the JSON Web Token is for another server"},
		{"audience", own.sign(t, "ES256", map[string]any{"aud": "other"}), "the JSON Web Token is for another server"},
		{"no-subject", own.sign(t, "ES256", map[string]any{"sub": nil}), "the JSON Web Token has no subject"},
		{"other-key", other.sign(t, "ES256", nil), "the request has no valid token"},
		{"other-kid", own.sign(t, "ES256", map[string]any{"kid": "y"}), "the request has no valid token"},
		{"key-of-another-kind", own.sign(t, "ES256", map[string]any{"kid": "RS256"}), "the request has no valid token"},
		{"hmac-of-the-public-key", hmac(public), "the request has no valid token"},
		{"none", none, "the request has no valid token"},
		{"altered", parts[0] + "." + others[1] + "." + parts[2], "the request has no valid token"},
		{"unsigned", parts[0] + "." + parts[1] + ".", "the request has no valid token"},
		{"nonsense", "ey.ey.ey", "the request has no valid token"},
		{"no-token", "eyx", "the request has no valid token"},
	}
	for _, tt := range tests {
		id, err := k.Identify(auth.Credentials{Peer: "127.0.0.1:9", Token: tt.token})
		got := fmt.Sprint(err)
		if err == nil {
			got = id.String() + " " + auth.ScopesOf(id).String()
		} else if fault.From(err).Kind != fault.Unauthorized || strings.Contains(got, tt.token) {
			t.Errorf("%s: got %v, want unauthorized, and no token in the text", tt.name, err)
		}
		if err == nil && got != tt.want || err != nil && !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestJWTKeysOfURL: keys are read from an https URL, whose certificate must be trusted; those from before go on while it fails, and new
// ones come when one is asked for that is not known. Meanwhile nobody waits.
func TestJWTKeysOfURL(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	var body atomic.Pointer[[]byte]
	respond := func(data []byte) { body.Store(&data) }
	respond(first.jwks(t))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*body.Load()) }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // clients that do not trust it
	s.StartTLS()
	defer s.Close()
	c := jwtSettings(s.URL + "/jwks?secret=hunter2")
	log := &logtest.Buffer{}
	k, err := auth.New(c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	token := first.sign(t, "ES256", nil)
	ask := func(token string) (*auth.Identity, error) {
		return k.Identify(auth.Credentials{Peer: "127.0.0.1:9", Token: token})
	}
	if _, err := ask(token); fault.From(err) == nil || fault.From(err).Kind != fault.Busy {
		t.Errorf("before the keys were read: got %v, want busy", err)
	}
	if err := auth.ReadKeys(k); err == nil {
		t.Error("a server that nobody vouches for was trusted")
	}
	c.Auth.JWT.CA = write(t, filepath.Join(t.TempDir(), "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	if k, err = auth.New(c, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.Run(ctx)
	}()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if _, err := ask(token); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	cancel()
	<-ended
	for _, wrong := range []string{"", "{}", `{"keys":[]}`, `{"keys":[{"kty":"RSA","kid":"a","n":"!"}]}`, strings.Repeat("x", 1<<20+1)} {
		respond([]byte(wrong))
		if err := auth.ReadKeys(k); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.20q: got %v, want an error without secrets", wrong, err)
		}
		if _, err := ask(token); err != nil {
			t.Errorf("%.20q: got %v, want the keys from before", wrong, err)
		}
	}
	respond(second.jwks(t))
	if _, err := ask(second.sign(t, "ES256", map[string]any{"kid": "new"})); err == nil || !auth.KeysWanted(k) {
		t.Errorf("a key that is not known: got %v, and no wish to read them again", err)
	}
	if err := auth.ReadKeys(k); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(second.sign(t, "ES256", nil)); err != nil {
		t.Errorf("the new key: got %v", err)
	}
	if _, err := ask(token); err == nil {
		t.Error("a key that was taken back is still good")
	}
}

// FuzzJWT holds that no token says anything but what its issuer has signed, whichever way that is spelled.
func FuzzJWT(f *testing.F) {
	own := newIssuer(f)
	k := newChecker(f, jwtSettings(write(f, filepath.Join(f.TempDir(), "jwks.json"), string(own.jwks(f)))))
	good := own.sign(f, "ES256", nil)
	f.Add(good)
	f.Add("ey.ey.")
	f.Fuzz(func(t *testing.T, token string) {
		if id, err := k.Identify(auth.Credentials{Peer: "127.0.0.1:9", Token: token}); err == nil && (id.String() != "jwt alice" || auth.ScopesOf(id).String() != "view:cam*,encode") {
			t.Errorf("got %v, %v for %q", id, auth.ScopesOf(id), token)
		}
	})
}
