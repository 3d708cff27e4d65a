package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/reread"
)

const (
	// keysEvery is how often the keys of a URL are read again; keysAgain, after a failure, or for a key that is not known.
	keysEvery, keysAgain = 5 * time.Minute, 10 * time.Second
	// keysTimeout is how long reading them may take, and mostKeyBytes what they may have.
	keysTimeout, mostKeyBytes = 10 * time.Second, 1 << 20
	// leeway is how far the clocks of issuers may be apart from ours.
	leeway = 30 * time.Second
)

// jwtMethods are the signatures that are taken: of keys whose public half is all that the server has.
var jwtMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// jwts knows clients by JSON Web Tokens (RFC 7519).
type jwts struct {
	parser *jwt.Parser
	claim  string
	record *record
	keys   func() keyfunc.Keyfunc // the newest; nil: none were read yet
	remote *remoteKeys            // nil: they are in a file
}

// newJWTs returns the jwts of settings, nil where there are none.
func newJWTs(c config.JWT, r *record, log *slog.Logger) (*jwts, error) {
	if c.JWKS == "" {
		return nil, nil
	}
	j := &jwts{
		parser: jwt.NewParser(jwt.WithValidMethods(jwtMethods), jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway)),
		claim:  c.Claim, record: r,
	}
	if strings.Contains(c.JWKS, "://") {
		var err error
		j.remote, err = newRemoteKeys(c, log)
		if err != nil {
			return nil, err
		}
		j.keys = j.remote.get
		return j, nil
	}
	files, err := reread.Open(log, "auth.jwt.jwks", named(c.JWKS, func(contents [][]byte) (keyfunc.Keyfunc, error) { return parseJWKS(contents[0]) }), c.JWKS)
	if err != nil {
		return nil, err
	}
	j.keys = files.Get
	return j, nil
}

// parseJWKS reads a JWK Set (RFC 7517). Keys of kinds that are not known are skipped, as its section 5 wants.
func parseJWKS(data []byte) (keyfunc.Keyfunc, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("got no JWK Set: %w", err)
	}
	store, n := jwkset.NewMemoryStorage(), 0
	for _, marshaled := range set.Keys {
		key, err := jwkset.NewJWKFromMarshal(marshaled, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if errors.Is(err, jwkset.ErrUnsupportedKey) {
			continue
		}
		if err == nil {
			err = store.KeyWrite(context.Background(), key)
		}
		if err != nil {
			return nil, fmt.Errorf("key %.80q: %w", marshaled.KID, err)
		}
		n++
	}
	if n == 0 {
		return nil, errors.New("got no key that is known, want a JWK Set")
	}
	return keyfunc.New(keyfunc.Options{Storage: store, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
}

// isJWT reports whether a token has the form of a JSON Web Token.
func isJWT(token string) bool {
	return strings.HasPrefix(token, "ey") && strings.Count(token, ".") == 2
}

// identify returns the client with that token. The error is errNoToken for one that nobody known has signed.
func (j *jwts) identify(token string) (*Identity, error) {
	keys := j.keys()
	if keys == nil {
		return nil, &fault.Error{Kind: fault.Busy, Reason: "the keys of JSON Web Tokens were not read yet (auth.jwt.jwks)", RetryAfter: time.Second}
	}
	claims := jwt.MapClaims{}
	_, err := j.parser.ParseWithClaims(token, claims, keys.Keyfunc)
	switch {
	case err == nil:
	case errors.Is(err, jwkset.ErrKeyNotFound):
		if j.remote != nil {
			j.remote.wake()
		}
		return nil, errNoToken
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return nil, fault.Errorf(fault.Unauthorized, "the JSON Web Token is not valid at this time: ask for another one")
	case errors.Is(err, jwt.ErrTokenInvalidAudience), errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return nil, fault.Errorf(fault.Unauthorized, "the JSON Web Token is for another server: want the issuer auth.jwt.issuer, the audience auth.jwt.audience, and a time of expiry")
	default:
		return nil, errNoToken
	}
	subject, err := claims.GetSubject()
	if err != nil || subject == "" {
		return nil, fault.Errorf(fault.Unauthorized, "the JSON Web Token has no subject (sub)")
	}
	name := "jwt " + fault.Cut(subject)
	return &Identity{name: name, owner: name, scopes: scopesOf(claims[j.claim]), record: j.record}, nil
}

// scopesOf returns the scopes of a claim, without those that this server does not have.
func scopesOf(claim any) config.Scopes {
	var list []string
	switch v := claim.(type) {
	case string:
		list = strings.Fields(v)
	case []any:
		for _, one := range v {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
	}
	var scopes config.Scopes
	for _, text := range list {
		if s, err := config.ParseScope(text); err == nil {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// remoteKeys are the keys at a URL. run reads them; requests never wait for that.
type remoteKeys struct {
	url    string
	client *http.Client
	log    *slog.Logger
	newest atomic.Pointer[keyfunc.Keyfunc]
	woken  chan struct{} // of capacity 1: a key was asked for that is not known
}

func newRemoteKeys(c config.JWT, log *slog.Logger) (*remoteKeys, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: keysTimeout, DisableKeepAlives: true}
	if c.CA != "" {
		data, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("auth.jwt.ca: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("auth.jwt.ca: %s has no certificate: want a PEM file that begins with -----BEGIN CERTIFICATE-----", c.CA)
		}
	}
	follow := func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > 3 {
			return fmt.Errorf("redirected to %s: want https, and no further", redact.URL(r.URL.String()))
		}
		return nil
	}
	return &remoteKeys{
		url: c.JWKS, client: &http.Client{Transport: transport, Timeout: keysTimeout, CheckRedirect: follow}, log: log, woken: make(chan struct{}, 1),
	}, nil
}

// get returns the newest keys, nil when none were read yet.
func (r *remoteKeys) get() keyfunc.Keyfunc {
	if k := r.newest.Load(); k != nil {
		return *k
	}
	return nil
}

// wake has the keys read again soon.
func (r *remoteKeys) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// run reads the keys, again and again, until ctx ends. After a failure those from before go on.
func (r *remoteKeys) run(ctx context.Context) {
	said := ""
	for {
		wait := keysEvery
		keys, err := r.read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			r.newest.Store(&keys)
			said = ""
		default:
			wait = keysAgain
			if text := redact.Text(err.Error(), r.url); text != said {
				said = text
				r.log.Warn("keys of JSON Web Tokens cannot be read: those from before go on", "setting", "auth.jwt.jwks", "err", text)
			}
		}
		if !pause(ctx, keysAgain, nil) || !pause(ctx, wait-keysAgain, r.woken) {
			return
		}
	}
}

// pause waits for so long, or until woken receives, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
		return false
	}
	return true
}

// read reads the keys.
func (r *remoteKeys) read(ctx context.Context) (keyfunc.Keyfunc, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: got %s, want 200 OK", redact.URL(r.url), response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, mostKeyBytes+1))
	if err == nil && len(data) > mostKeyBytes {
		err = fmt.Errorf("%s: got more than %d bytes", redact.URL(r.url), mostKeyBytes)
	}
	if err != nil {
		return nil, err
	}
	return parseJWKS(data)
}
