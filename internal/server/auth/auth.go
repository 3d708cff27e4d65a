// Package auth decides who may use the APIs. It is the one place that does: HTTP and gRPC both ask a Checker.
package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Checker compares the token of a request with auth.token, and knows clients by their certificates. Its methods may be called from
// any goroutine.
type Checker struct {
	required bool
	hasToken bool
	want     [sha256.Size]byte
	guesses  guesses
}

// New returns a Checker for the settings c. Where they want neither a token nor a certificate everybody may use the APIs.
func New(c config.Config) *Checker {
	return &Checker{required: c.AuthRequired(), hasToken: c.Auth.Token != "", want: sha256.Sum256([]byte(c.Auth.Token))}
}

// verified reports whether a client showed a certificate that an authority of tls.client_ca signed.
func verified(state *tls.ConnectionState) bool { return state != nil && len(state.VerifiedChains) > 0 }

// HTTP returns nil if r has the token or comes with a certificate, else a *fault.Error of kind Unauthorized, or Busy where too many
// wrong tokens came from its address. Players and cameras give the token as the password of a URL (Basic), with any user.
// Images and WebSockets that a browser loads by itself carry no header of the page's choice, so for GET and HEAD the token
// may be the parameter access_token (RFC 6750, section 2.3).
func (c *Checker) HTTP(r *http.Request) error {
	if !c.required || verified(r.TLS) {
		return nil
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		token = ""
	}
	if !ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		// A proxy in front may have put another scheme into the header, such as Basic. Then the parameter counts.
		token = r.URL.Query().Get("access_token")
	}
	if !ok && token == "" {
		_, token, _ = r.BasicAuth()
	}
	right, err := c.judge(token, r.RemoteAddr)
	if err != nil || right {
		return err
	}
	return fault.Errorf(fault.Unauthorized, "the request has no valid token: want Authorization: Bearer TOKEN, with the server's auth.token")
}

// Required reports whether callers must say who they are.
func (c *Checker) Required() bool { return c.required }

// GRPC returns nil if the call of ctx, of that peer, has the token or comes over a connection of that state, nil without TLS, with a
// certificate, else a *fault.Error of kind Unauthorized, or Busy as of HTTP.
func (c *Checker) GRPC(ctx context.Context, peer string, state *tls.ConnectionState) error {
	if !c.required || verified(state) {
		return nil
	}
	for _, v := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		token, ok := bearer(v)
		if !ok {
			continue
		}
		right, err := c.judge(token, peer)
		if err != nil || right {
			return err
		}
	}
	return fault.Errorf(fault.Unauthorized, "the call has no valid token: want metadata authorization: Bearer TOKEN, with the server's auth.token")
}

// judge reports whether a token of a peer is right. Where too many wrong ones came from its address, none is compared: the error
// says when to come again. An empty one is no guess.
func (c *Checker) judge(token, peer string) (right bool, err error) {
	if token == "" {
		return false, nil
	}
	now := time.Now()
	if wait := c.guesses.wait(peer, now); wait > 0 {
		return false, &fault.Error{Kind: fault.Busy, Reason: "too many wrong tokens came from this address", RetryAfter: wait}
	}
	right = c.matches(token)
	c.guesses.judged(peer, right, now)
	return right, nil
}

// bearer returns the token of the scheme Bearer, whose case does not matter (RFC 9110, section 11.1).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return token, strings.EqualFold(scheme, "Bearer")
}

// matches compares in constant time. The hashes have one length, so not even the length of the token can be measured.
func (c *Checker) matches(token string) bool {
	got := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], c.want[:]) == 1 && c.hasToken
}
