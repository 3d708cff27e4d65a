package camera

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/icholy/digest"

	"github.com/steadyframe/steadyframe/internal/askfirst"
	"github.com/steadyframe/steadyframe/internal/redact"
)

// Limits of a request, up to the header of its response.
const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 10 * time.Second
	maxHeader      = 64 << 10
	maxRedirects   = 10
)

// client makes the requests of one camera. It is for one goroutine.
type client struct {
	source         string // as it was given, with its secrets
	url            *url.URL
	user, password string
	hasUser        bool
	transport      *http.Transport

	challenge *digest.Challenge // of digest authentication; nil if it is unknown or basic
	count     int               // requests for which challenge was used
	basic     bool
}

func newClient(source string, o Options) (*client, error) {
	u, err := url.Parse(source)
	if err != nil || u.Hostname() == "" || !IsURL(source) { // The error may quote a password.
		return nil, fmt.Errorf("camera: got the URL %s, want http://HOST/PATH, with special characters in user and password escaped (%%40 for @)", redact.URL(source))
	}
	c := &client{source: source, url: u, hasUser: u.User != nil}
	c.user = u.User.Username()
	c.password, _ = u.User.Password()
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	config := &tls.Config{InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		if config.RootCAs, err = RootsWith(o.CAFile); err != nil {
			return nil, err
		}
	}
	c.transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            askfirst.Dial(&net.Dialer{Timeout: connectTimeout}),
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1,
	}
	return c, nil
}

// RootsWith returns the certificates that the system trusts, with those of a PEM file.
func RootsWith(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("camera: certificates: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("camera: certificates: got none in %s, want PEM", file)
	}
	return roots, nil
}

// response is a response whose body can be abandoned.
type response struct {
	*http.Response
	multipart bool
	ctx       context.Context
	cancel    context.CancelCauseFunc
}

func (r *response) close() {
	r.cancel(context.Canceled)
	r.Body.Close()
}

// watch cancels the response unless stop is called within d. stop returns why the response was canceled, or nil.
func (r *response) watch(d time.Duration) (stop func() error) {
	timer := time.AfterFunc(d, func() { r.cancel(fmt.Errorf("camera: no image came for %s", d)) })
	return func() error {
		timer.Stop()
		return context.Cause(r.ctx)
	}
}

// get requests the camera's URL and follows redirects. The response may have any other status. The error shows no
// secrets.
func (c *client) get(ctx context.Context, header http.Header) (*response, error) {
	r := &response{}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	err := c.follow(r, header)
	if err != nil {
		r.cancel(context.Canceled)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, c.explain(err)
	}
	return r, nil
}

func (c *client) follow(r *response, header http.Header) error {
	u := c.url
	for range maxRedirects {
		res, err := c.authorized(r.ctx, u, header)
		if err != nil {
			return err
		}
		location := res.Header.Get("Location")
		if !isRedirect(res.StatusCode) || location == "" {
			r.Response = res
			return nil
		}
		res.Body.Close()
		if u, err = u.Parse(location); err != nil || u.Hostname() == "" {
			return errors.New("it redirects to a malformed URL")
		}
		u.User = nil
		if u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("it redirects to %s: give that URL instead", redact.URL(u.String()))
		}
	}
	return fmt.Errorf("it redirects more than %d times", maxRedirects)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// authorized makes one request, again with user and password if the response asks for them.
func (c *client) authorized(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	trusted := c.hasUser && c.trusts(u)
	for attempt := 0; ; attempt++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		req.Header = header.Clone()
		req.Header.Set("User-Agent", "steadyframe")
		if trusted {
			if err := c.authorize(req); err != nil {
				return nil, err
			}
		}
		res, err := c.transport.RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusUnauthorized || !trusted || attempt == maxAttempts {
			return res, err
		}
		if !c.learn(res.Header, req.Header.Get("Authorization") != "") {
			return res, nil
		}
		res.Body.Close()
	}
}

// maxAttempts bounds the attempts of a request: another after the challenge, and another after a stale nonce.
const maxAttempts = 2

// trusts reports whether u is the camera itself: the same host and port, or the same host by TLS.
func (c *client) trusts(u *url.URL) bool {
	if u.Scheme == c.url.Scheme && strings.EqualFold(u.Host, c.url.Host) {
		return true
	}
	usual := (c.url.Port() == "" || c.url.Port() == "80") && (u.Port() == "" || u.Port() == "443")
	return usual && c.url.Scheme == "http" && u.Scheme == "https" && strings.EqualFold(u.Hostname(), c.url.Hostname())
}

// authorize adds the authentication that the camera asked for. Before the camera has asked, it adds nothing: a camera
// that offers digest authentication is never sent the password itself.
func (c *client) authorize(req *http.Request) error {
	switch {
	case c.challenge != nil:
		c.count++
		credentials, err := digest.Digest(c.challenge, digest.Options{
			Method: req.Method, URI: req.URL.RequestURI(), Count: c.count, Username: c.user, Password: c.password,
		})
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", credentials.String())
	case c.basic:
		req.SetBasicAuth(c.user, c.password)
	}
	return nil
}

// learn reads from a 401 which authentication the camera wants. It returns false if another request would be useless.
func (c *client) learn(h http.Header, tried bool) bool {
	challenge, err := digest.FindChallenge(h)
	if err == nil {
		again := !tried || c.challenge == nil || challenge.Stale || challenge.Nonce != c.challenge.Nonce && c.count > 1
		c.challenge, c.count, c.basic = challenge, 0, false
		return again
	}
	offered := strings.ToLower(strings.Join(h.Values("WWW-Authenticate"), ", "))
	again := !c.basic && (offered == "" || strings.Contains(offered, "basic"))
	c.challenge, c.basic = nil, again || c.basic
	return again
}

// refused returns the error of a response that is not 200.
func (c *client) refused(res *response) error {
	switch {
	case res.StatusCode == http.StatusUnauthorized && !c.hasUser:
		return errors.New("camera: got 401 Unauthorized: give user and password in the URL, http://USER:PASSWORD@HOST/PATH")
	case res.StatusCode == http.StatusUnauthorized && c.challenge == nil && !c.basic:
		scheme, _, _ := strings.Cut(res.Header.Get("WWW-Authenticate"), " ")
		return fmt.Errorf("camera: got 401 Unauthorized with authentication %.20q, want basic or digest (MD5, SHA-256, SHA-512-256)", scheme)
	case res.StatusCode == http.StatusUnauthorized:
		return errors.New("camera: got 401 Unauthorized: user or password is wrong")
	}
	advice := ""
	if res.StatusCode == http.StatusNotFound {
		advice = ": check the path of the URL"
	}
	return fmt.Errorf("camera: got %d %s, want 200%s", res.StatusCode, http.StatusText(res.StatusCode), advice)
}

// explain returns why there was no response, and what to do about it.
func (c *client) explain(err error) error {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	advice := ""
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("camera: no response within %s", headerTimeout)
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &certificate):
		advice = ": name its certificate authority in the source's setting ca, or set insecure"
	case errors.As(err, &record):
		advice = ": the camera does not speak TLS there: try http://"
	}
	return fmt.Errorf("camera: %w%s", c.hide(err), advice)
}

// hide returns err with the secrets of the source masked, or err itself if its text has none.
func (c *client) hide(err error) error {
	text := err.Error()
	if shown := redact.Text(text, c.source); shown != text {
		return errors.New(shown)
	}
	return err
}
