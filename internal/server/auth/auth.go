// Package auth decides who may use the APIs, and for what. It is the one place that does: all APIs ask a Checker who a client is,
// and the Identity that it returns what that may do.
package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/reread"
)

// Checker knows clients by what they show: auth.token, cluster.token, a token of auth.tokens_file, a JSON Web Token, a link, or a certificate. Its methods may be
// called from any goroutine. A nil Checker lets everybody do everything.
type Checker struct {
	required     bool
	hasToken     bool
	want         [sha256.Size]byte
	certificates config.Scopes // of those that tokens does not name
	record       *record
	owner        *Identity // who has auth.token
	hasNodes     bool
	nodeToken    [sha256.Size]byte
	node         *Identity // who has cluster.token

	tokens *reread.Files[tokens]   // nil: there is no file
	keys   *reread.Files[LinkKeys] // nil: there is no file
	jwts   *jwts                   // nil: JSON Web Tokens are not taken

	guesses guesses
}

// New returns a Checker for the settings c, whose files it reads, and what was done to log. Where they want neither a token nor a
// certificate everybody may use the APIs. The error names the setting whose file is wrong.
func New(c config.Config, log *slog.Logger) (*Checker, error) {
	r := &record{log: log}
	k := &Checker{
		required: c.AuthRequired(), hasToken: c.Auth.Token != "", want: sha256.Sum256([]byte(c.Auth.Token)),
		certificates: c.TLS.ClientScopes, record: r, owner: &Identity{name: "auth.token", scopes: config.AllScopes(), record: r},
		hasNodes: c.Cluster.Token != "", nodeToken: sha256.Sum256([]byte(c.Cluster.Token)),
		node: &Identity{name: "a node of the cluster", scopes: config.Scopes{{Action: config.View, Glob: "*"}}, node: true, record: r},
	}
	var err error
	if path := c.Auth.TokensFile; path != "" {
		parse := func(contents [][]byte) (tokens, error) { return parseTokens(contents[0], r) }
		if k.tokens, err = reread.OpenLines(log, "auth.tokens_file", named(path, parse), path); err != nil {
			return nil, err
		}
	}
	if path := c.Auth.LinkKeys; path != "" {
		parse := func(contents [][]byte) (LinkKeys, error) { return ParseLinkKeys(contents[0]) }
		if k.keys, err = reread.OpenLines(log, "auth.link_keys", named(path, parse), path); err != nil {
			return nil, err
		}
	}
	if k.jwts, err = newJWTs(c.Auth.JWT, r, log); err != nil {
		return nil, err
	}
	return k, nil
}

// Run reads again what is not in files, until ctx ends.
func (c *Checker) Run(ctx context.Context) {
	if c != nil && c.jwts != nil && c.jwts.remote != nil {
		c.jwts.remote.run(ctx)
	}
}

// named is parse whose errors name the file.
func named[T any](path string, parse func([][]byte) (T, error)) func([][]byte) (T, error) {
	return func(contents [][]byte) (T, error) {
		v, err := parse(contents)
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return v, err
	}
}

// Required reports whether callers must say who they are.
func (c *Checker) Required() bool { return c != nil && c.required }

// Credentials are what a client shows of itself, in whatever protocol.
type Credentials struct {
	Peer  string               // its address, with the port: wrong tokens are limited by it
	Token string               // a token, from a header or as a password; "": none
	Link  string               // a link, from the parameter of a URL (LinkParameter); "": none
	TLS   *tls.ConnectionState // nil without TLS
}

// Identify returns who a client is: nil where everybody may do everything. A certificate goes before a token, and that before a link.
// The error is a *fault.Error of kind Unauthorized, or Busy where too many wrong tokens came from its address.
func (c *Checker) Identify(show Credentials) (*Identity, error) {
	switch {
	case !c.Required():
		return nil, nil
	case verified(show.TLS):
		return c.certified(show.TLS.VerifiedChains[0][0]), nil
	case show.Token != "":
		return c.judge(show.Peer, show.Token)
	case show.Link != "": // There is nothing to guess, and a page could use up the guesses of its reader.
		return c.withLink(show.Link)
	}
	return nil, errNoToken
}

// errNoToken says that a client has no token, or a wrong one.
var errNoToken error = fault.Errorf(fault.Unauthorized, "the request has no valid token: want Authorization: Bearer TOKEN, with a token of this server (auth.token, auth.tokens_file)")

// judge returns the client with that token, and counts wrong ones of a peer. Where too many came from its address, none is compared:
// the error says when to come again.
func (c *Checker) judge(peer, token string) (*Identity, error) {
	now := time.Now()
	if wait := c.guesses.wait(peer, now); wait > 0 {
		return nil, &fault.Error{Kind: fault.Busy, Reason: "too many wrong tokens came from this address", RetryAfter: wait}
	}
	id, err := c.withToken(token)
	c.guesses.judged(peer, err != errNoToken, now) // A JSON Web Token that has expired was right.
	return id, err
}

// withToken returns the client with that token. It compares in constant time: the hashes have one length, so not even the length of a
// token can be measured.
func (c *Checker) withToken(token string) (*Identity, error) {
	hash := sha256.Sum256([]byte(token))
	var found *Identity
	if c.tokens != nil {
		all := c.tokens.Get()
		found = all.find(&hash)
	}
	if subtle.ConstantTimeCompare(hash[:], c.want[:]) == 1 && c.hasToken {
		found = c.owner
	}
	if subtle.ConstantTimeCompare(hash[:], c.nodeToken[:]) == 1 && c.hasNodes {
		found = c.node
	}
	switch {
	case found != nil:
		return found, nil
	case c.jwts != nil && isJWT(token):
		return c.jwts.identify(token)
	}
	return nil, errNoToken
}

// withLink returns the client with that link.
func (c *Checker) withLink(link string) (*Identity, error) {
	if c.keys == nil {
		return nil, errNoLink
	}
	scope, until, err := c.keys.Get().open(link)
	if err != nil {
		return nil, err
	}
	if !time.Now().Before(until) {
		return nil, errExpired(until)
	}
	name := "link " + scope.Glob
	return &Identity{name: name, owner: name, scopes: config.Scopes{scope}, expires: until, record: c.record}, nil
}

// Sign returns a link to the streams whose names match glob, until a time.
func (c *Checker) Sign(glob string, until time.Time) (string, error) {
	if c == nil || c.keys == nil {
		return "", fault.Errorf(fault.Invalid, "this server signs no links: its setting auth.link_keys is empty")
	}
	link, err := c.keys.Get().Sign(glob, until)
	if err != nil {
		return "", &fault.Error{Kind: fault.Invalid, Field: "stream", Err: err}
	}
	return link, nil
}

// verified reports whether a client showed a certificate that an authority of tls.client_ca signed.
func verified(state *tls.ConnectionState) bool { return state != nil && len(state.VerifiedChains) > 0 }

// certified returns the client with a certificate: the one of auth.tokens_file with its name, or one with tls.client_scopes.
func (c *Checker) certified(cert *x509.Certificate) *Identity {
	name := certificateName(cert)
	if c.tokens != nil {
		if id := c.tokens.Get().certs[name]; id != nil {
			return id
		}
	}
	name = "certificate " + fault.Cut(name)
	return &Identity{name: name, owner: name, scopes: c.certificates, record: c.record}
}

// certificateName returns the common name of a certificate's subject, or else its first name of a host, URI or address, or its number.
func certificateName(cert *x509.Certificate) string {
	names := append([]string{cert.Subject.CommonName}, cert.DNSNames...)
	for _, u := range cert.URIs {
		names = append(names, u.String())
	}
	for _, name := range append(names, cert.EmailAddresses...) {
		if name != "" {
			return name
		}
	}
	return "number " + cert.SerialNumber.String()
}

// HTTP returns who sent r. Players and cameras give the token as the password of a URL (Basic), with any user. Images and WebSockets
// that a browser loads by itself carry no header of the page's choice, so for GET and HEAD the token may be the parameter
// access_token (RFC 6750, section 2.3), and a link is the parameter link. The error is as of Identify.
func (c *Checker) HTTP(r *http.Request) (*Identity, error) {
	if !c.Required() {
		return nil, nil
	}
	show := Credentials{Peer: r.RemoteAddr, TLS: r.TLS}
	token, ok := bearer(r.Header.Get("Authorization"))
	if ok {
		show.Token = token
	}
	if !ok && reads(r) && r.URL.RawQuery != "" {
		// A proxy in front may have put another scheme into the header, such as Basic. Then the parameter counts.
		q := r.URL.Query()
		show.Token, show.Link = q.Get("access_token"), q.Get(LinkParameter)
	}
	if !ok && show.Token == "" && show.Link == "" {
		_, show.Token, _ = r.BasicAuth()
	}
	return c.Identify(show)
}

// HasLink reports whether HTTP may take a link of r for what says who sent it.
func (c *Checker) HasLink(r *http.Request) bool {
	return c.Required() && reads(r) && r.URL.RawQuery != "" && r.URL.Query().Has(LinkParameter)
}

// GRPC returns who makes the call of ctx, of that peer, over a connection of that state, nil without TLS. The error is as of Identify.
func (c *Checker) GRPC(ctx context.Context, peer string, state *tls.ConnectionState) (*Identity, error) {
	if !c.Required() {
		return nil, nil
	}
	show := Credentials{Peer: peer, TLS: state}
	id, err := c.Identify(show)
	shown := metadata.ValueFromIncomingContext(ctx, "authorization")
	if err == nil && c.hasNodes { // Nodes have the certificates of servers, and say with the token what they are.
		for _, v := range shown {
			if token, ok := bearer(v); ok && token != "" {
				if node, wrong := c.judge(peer, token); wrong == nil && node.IsNode() {
					return node, nil
				}
			}
		}
	}
	for _, v := range shown {
		if err == nil {
			break
		}
		if token, ok := bearer(v); ok && token != "" {
			show.Token = token
			if id, err = c.Identify(show); err != nil && fault.From(err).Kind == fault.Busy {
				return nil, err
			}
		}
	}
	return id, err
}

// BasicChallenge asks players for the password of a URL, as WWW-Authenticate of HTTP and RTSP: they send it only then.
const BasicChallenge = `Basic realm="steadyframe: any user, the token as password"`

// bearer returns the token of the scheme Bearer, whose case does not matter (RFC 9110, section 11.1).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return token, strings.EqualFold(scheme, "Bearer")
}
