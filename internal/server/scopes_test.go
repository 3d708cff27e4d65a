package server_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
)

// secretOf returns the token of that name of startWithTokens.
func secretOf(name string) string { return "s3cret-of-" + name }

// startWithTokens starts a server with tokens: of each name, with those scopes. It has the streams cam1, cam2 and door. sign makes a link.
func startWithTokens(t *testing.T, scopes map[string]string, change func(*server.Config)) (s *running, sign func(glob string, until time.Time) string) {
	t.Helper()
	file, keys, key := filepath.Join(t.TempDir(), "tokens"), filepath.Join(t.TempDir(), "keys"), auth.NewLinkKey()
	var lines strings.Builder
	for name, list := range scopes {
		fmt.Fprintf(&lines, "%s sha256:%x %s\n", name, sha256.Sum256([]byte(secretOf(name))), list)
	}
	for path, content := range map[string]string{file: lines.String(), keys: key} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, func(c *server.Config) {
		c.Auth.TokensFile, c.Auth.LinkKeys = file, keys
		c.Streams = config.Streams{"cam1": {}, "cam2": {}, "door": {}}
		if change != nil {
			change(c)
		}
	})
	signing, err := auth.ParseLinkKeys([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s, func(glob string, until time.Time) string {
		link, err := signing.Sign(glob, until)
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{auth.LinkParameter: {link}}.Encode()
	}
}

// TestScopesOfRoutes: each route needs its scope, with the stream of the path where there is one, and says which one is missing.
func TestScopesOfRoutes(t *testing.T) {
	tokens := map[string]string{"encode": "encode", "publish": "publish:cam*", "view": "view:cam*", "other": "publish:door,view:door", "admin": "admin"}
	s, sign := startWithTokens(t, tokens, func(c *server.Config) { c.Timeout.Queue = server.Duration(50 * time.Millisecond) }) // of snapshots, which there are not
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	link := sign("cam*", time.Now().Add(time.Hour))
	for _, tt := range []struct{ method, path, may string }{
		{"POST", "/v1/encode", "encode"}, {"POST", "/v1/mel", "encode"},
		{"PUT", "/v1/scenes/anna", "admin"}, {"DELETE", "/v1/scenes/anna", "admin"}, {"GET", "/v1/scenes", "encode publish other admin"},
		{"POST", "/v1/streams/cam1", "publish"}, {"PUT", "/v1/streams/cam1", "publish"}, {"POST", "/v1/streams/cam1/sound", "publish"}, {"PUT", "/v1/streams/cam1/sound", "publish"},
		{"GET", "/v1/streams", "view other link"}, {"GET", "/v1/stats", "view other admin link"}, {"GET", "/plain", "view other link"}, {"GET", "/v1/cluster", "view other admin"},
		{"GET", "/v1/streams/cam1", "view link"}, {"GET", "/v1/streams/cam1/record", "view link"}, {"HEAD", "/stream/cam1.mjpg", "view link"}, {"GET", "/sound/cam1.wav", "view link"},
		{"GET", "/snapshot/cam1.jpg", "view link"}, {"GET", "/snapshot/cam1.png", "view link"}, {"GET", "/ws", "view other link"},
		{"HEAD", "/stream?topic=/cam1", "view link"}, {"GET", "/snapshot?topic=door", "other"}, {"HEAD", "/?action=stream&stream=cam1", "view link"}, {"GET", "/?action=snapshot&stream=cam1", "view link"},
		{"GET", "/snapshot?topic=/cam1", "view link"}, {"HEAD", "/stream?topic=cam1", "view link"},
		{"GET", "/snapshot/door.jpg", "other"}, {"GET", "/v1/streams/nothing", ""}, {"POST", "/v1/streams/nothing", ""},
		{"GET", "/", "encode publish view other admin link nobody"}, {"GET", "/assets/app.js", "encode publish view other admin link nobody"},
	} {
		for _, name := range []string{"encode", "publish", "view", "other", "admin", "link", "nobody"} {
			path, header := tt.path, []string{"Authorization", "Bearer " + secretOf(name)}
			if name == "link" || name == "nobody" {
				header = nil
			}
			if name == "link" {
				path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + link
			}
			resp, body := s.ask(t, tt.method, path, header...)
			got := resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusUnauthorized
			if want := slices.Contains(strings.Fields(tt.may), name); got != want {
				t.Errorf("%s %s by %s: got %s, want allowed: %v; %s", tt.method, tt.path, name, resp.Status, want, body)
			}
			if resp.StatusCode == http.StatusForbidden && tt.method != "HEAD" && !(strings.Contains(body, name+" ") && strings.Contains(body, "lacks")) {
				t.Errorf("%s %s by %s: got %s, want who lacks which scope", tt.method, tt.path, name, body)
			}
		}
	}
	for name := range tokens {
		if strings.Contains(s.log.String(), secretOf(name)) {
			t.Errorf("the log has the token %s", secretOf(name))
		}
	}
	if mac := link[strings.LastIndex(link, "~")+1:]; strings.Contains(s.log.String(), mac) {
		t.Error("the log has the link")
	}
	for _, want := range []string{`identity="token view"`, `identity="token publish"`, `identity="link cam*"`, "kind=forbidden"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log has no %s", want)
		}
	}
}

// TestScopesOverGRPC is TestScopesOfRoutes for the calls.
func TestScopesOverGRPC(t *testing.T) {
	tokens := map[string]string{"encode": "encode", "publish": "publish:cam*", "view": "view:cam*", "other": "publish:door,view:door", "admin": "admin"}
	s, _ := startWithTokens(t, tokens, nil)
	for name := range tokens {
		c, err := dialClient(s.Addrs().GRPC, client.Options{Token: secretOf(name)})
		if err != nil {
			t.Fatal(err)
		}
		frames := makeFrames(t, small.Input, 1)
		for _, tt := range []struct {
			call, may string
			do        func() error
		}{
			{"Encode", "encode", func() error {
				return c.Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, new(client.Response))
			}},
			{"Publish", "publish", func() error {
				p, err := c.Publish(timeout(t), "cam1", small, nil)
				if err == nil {
					_, err = p.Close()
				}
				return err
			}},
			{"PublishSound", "publish", func() error {
				p, err := c.PublishSound(timeout(t), "cam2", client.SoundFormat{Rate: 16000}, time.Time{})
				if err == nil {
					_, err = p.Close()
				}
				return err
			}},
			{"Watch", "view", func() error {
				w, err := c.Watch(timeout(t), "cam2", nil)
				if err == nil {
					w.Close()
				}
				return err
			}},
			{"ListStreams", "view other", func() error { _, err := c.ListStreams(timeout(t)); return err }},
			{"ListScenes", "encode publish other admin", func() error { _, err := c.ListScenes(timeout(t)); return err }},
			{"UnloadScene", "admin", func() error { _, err := c.UnloadScene(timeout(t), "anna"); return err }},
		} {
			err := tt.do()
			var e *client.Error
			errors.As(err, &e)
			denied := e != nil && e.Code == codes.PermissionDenied
			if want := !slices.Contains(strings.Fields(tt.may), name); denied != want || !denied && err != nil && e.Code != codes.NotFound {
				t.Errorf("%s by %s: got %v, want denied: %v", tt.call, name, err, want)
			}
			if denied && !strings.Contains(err.Error(), "token "+name+" lacks") {
				t.Errorf("%s by %s: got %v, want who lacks which scope", tt.call, name, err)
			}
		}
		_ = c.Close()
	}
	for _, want := range []string{`access identity="token publish" action=publish name=cam1`, `access identity="token view" action=view name=cam2`, `identity="token other" action=publish name=cam1`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log has no %s", want)
		}
	}
}

// TestListsAreFiltered: nobody is told of streams that he may not view.
func TestListsAreFiltered(t *testing.T) {
	s, sign := startWithTokens(t, map[string]string{"view": "view:cam*", "all": "view:*"}, nil)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	until := sign("cam*", time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name, link string
		header     []string
		door       bool
	}{
		{"view", "", []string{"Authorization", "Bearer " + secretOf("view")}, false},
		{"all", "", []string{"Authorization", "Bearer " + secretOf("all")}, true},
		{"link", "?" + until, nil, false},
	} {
		for _, path := range []string{"/v1/streams", "/plain", "/v1/streams/cam9", "/stream/cam9.mjpg", "/snapshot/cam9.jpg", "/sound/cam9.wav"} {
			_, body := s.ask(t, "GET", path+tt.link, tt.header...)
			if !strings.Contains(body, "cam2") || strings.Contains(body, "door") != tt.door {
				t.Errorf("%s by %s: got %s, want cam2 in it, and door: %v", path, tt.name, body, tt.door)
			}
		}
	}
	c, err := dialClient(s.Addrs().GRPC, client.Options{Token: secretOf("view")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.ListStreams(timeout(t))
	if err != nil || len(list) != 2 || list[0].Name != "cam1" || list[1].Name != "cam2" {
		t.Errorf("got %v, %v, want cam1 and cam2", list, err)
	}
	_, err = c.Watch(timeout(t), "cam9", nil)
	if e := wantError(t, err, codes.NotFound, "cam2"); e == nil || strings.Contains(e.Error(), "door") {
		t.Errorf("got %v, want no word of door", e)
	}
}

// socket opens a WebSocket.
func (s *running) socket(t *testing.T, query string, header http.Header) *websocket.Conn {
	t.Helper()
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	o := &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header, Subprotocols: []string{"steadyframe.v1"}}
	ws, _, err := websocket.Dial(timeout(t), strings.Replace(scheme, "http", "ws", 1)+"://"+s.Addrs().HTTP+"/ws"+query, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// told sends a message over a WebSocket, and returns what the server says.
func told(t *testing.T, ws *websocket.Conn, message string) (m struct {
	Op, Stream, State, Reason string
}) {
	t.Helper()
	if err := ws.Write(timeout(t), websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	_, data, err := ws.Read(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestScopesOverWebSocket: each stream that is to be watched is checked, whether it exists or not.
func TestScopesOverWebSocket(t *testing.T) {
	s, sign := startWithTokens(t, map[string]string{"view": "view:cam*"}, nil)
	for _, ws := range []*websocket.Conn{
		s.socket(t, "", http.Header{"Authorization": {"Bearer " + secretOf("view")}}),
		s.socket(t, "?"+sign("cam*", time.Now().Add(time.Hour)), nil),
	} {
		for i, tt := range []struct{ stream, op, state string }{{"cam1", "state", "waiting"}, {"door", "error", ""}, {"nothing", "error", ""}, {"cam9", "state", "unknown"}} {
			m := told(t, ws, fmt.Sprintf(`{"op":"watch","id":%d,"stream":%q}`, i+1, tt.stream))
			if m.Op != tt.op || m.State != tt.state || tt.op == "error" && !strings.Contains(m.Reason, "lacks the scope view:"+tt.stream) {
				t.Errorf("%s: got %+v, want %s %s", tt.stream, m, tt.op, tt.state)
			}
		}
	}
}

// TestLinksEnd: what a link began ends when the link does: MJPEG over either version of HTTP, and a WebSocket.
func TestLinksEnd(t *testing.T) {
	a := newAuthority(t)
	s, sign := startWithTokens(t, nil, func(c *server.Config) {
		dir := t.TempDir()
		c.TLS.Cert, c.TLS.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		a.write(t, c.TLS.Cert, c.TLS.Key)
		c.Auth.Token = "own"
	})
	for _, http2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: clientOf(a), ForceAttemptHTTP2: http2}
		defer transport.CloseIdleConnections()
		var resp *http.Response
		eventually(t, "a response before its link ends", func() bool { // On a busy machine a second is short.
			r, err := http.NewRequestWithContext(timeout(t), "GET", "https://"+s.Addrs().HTTP+"/stream/cam1.mjpg?"+sign("cam1", time.Now().Add(2*time.Second)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err = transport.RoundTrip(r); err != nil {
				return false // It ended before the response had begun.
			}
			if resp.StatusCode != http.StatusOK {
				_ = resp.Body.Close()
			}
			return resp.StatusCode == http.StatusOK
		})
		if want := map[bool]int{true: 2, false: 1}[http2]; resp.ProtoMajor != want {
			t.Errorf("got HTTP/%d, want %d", resp.ProtoMajor, want)
		}
		_, _ = io.Copy(io.Discard, resp.Body) // It returns; the connection may be cut.
		_ = resp.Body.Close()
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(s.log.String(), "valid until") })
	eventually(t, "a WebSocket that ends", func() bool {
		ws, _, err := websocket.Dial(timeout(t), "wss://"+s.Addrs().HTTP+"/ws?"+sign("cam1", time.Now().Add(2*time.Second)),
			&websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: clientOf(a)}}, Subprotocols: []string{"steadyframe.v1"}})
		if err != nil {
			return false // It was late.
		}
		defer ws.CloseNow()
		_, _, err = ws.Read(timeout(t))
		if status := websocket.CloseStatus(err); status != websocket.StatusPolicyViolation {
			t.Errorf("got %v, want the status %d and why", err, websocket.StatusPolicyViolation)
		}
		return true
	})
}

// TestTokensChange: a token that leaves the file does no longer, and one that comes does, without a restart.
func TestTokensChange(t *testing.T) {
	var file string
	s, _ := startWithTokens(t, map[string]string{"before": "view:*"}, func(c *server.Config) { file = c.Auth.TokensFile })
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	status := func(name string) int {
		resp, _ := s.ask(t, "GET", "/v1/streams", "Authorization", "Bearer "+secretOf(name))
		return resp.StatusCode
	}
	if got := status("before"); got != http.StatusOK {
		t.Errorf("before: got %d", got)
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, "after sha256:%x view:*\n", sha256.Sum256([]byte(secretOf("after")))), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new token", func() bool { return status("after") == http.StatusOK })
	if got := status("before"); got != http.StatusUnauthorized {
		t.Errorf("the old one: got %d, want 401", got)
	}
}

// TestOneIdentity does not take everybody's places: of streams, viewers and requests it has its part.
func TestOneIdentity(t *testing.T) {
	s, _ := startWithTokens(t, map[string]string{"greedy": "publish:*,view:*,encode", "other": "publish:*,view:*,encode"}, func(c *server.Config) {
		c.Live.MaxStreams, c.Live.MaxStreamsPerIdentity = 3+4, 2 // 3 are configured
		c.Live.MaxViewersPerIdentity, c.Limits.MaxRequestsPerIdentity = 2, 3
	})
	dial := func(name string) *client.Client {
		c, err := dialClient(s.Addrs().GRPC, client.Options{Token: secretOf(name)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	greedy, other := dial("greedy"), dial("other")
	for _, name := range []string{"a", "b"} {
		publish(t, greedy, name, small)
	}
	_, err := greedy.Publish(timeout(t), "c", small, nil)
	if e := wantError(t, err, codes.ResourceExhausted, "too many streams of one identity"); e.Limit != "live.max_streams_per_identity" || e.RetryAfter <= 0 {
		t.Errorf("got %+v, want the setting, and when to come again", e)
	}
	eventually(t, "its own again, which is no further one, once the refused request has ended", func() bool {
		_, err := greedy.Publish(timeout(t), "a", small, nil)
		return err == nil
	})
	publish(t, other, "c", small)

	for range 2 {
		watch(t, greedy, "cam1", nil)
	}
	_, err = greedy.Watch(timeout(t), "cam2", nil)
	if e := wantError(t, err, codes.ResourceExhausted, "too many viewers of one identity"); e.Limit != "live.max_viewers_per_identity" {
		t.Errorf("got %+v, want the setting", e)
	}
	watch(t, other, "cam1", nil)

	eventually(t, "a stream that is configured, which takes nobody's place: the third request, once the replaced one has ended", func() bool {
		_, err := greedy.Publish(timeout(t), "cam1", small, nil)
		return err == nil
	})
	frames := makeFrames(t, small.Input, 1)
	err = greedy.Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, new(client.Response))
	if e := wantError(t, err, codes.ResourceExhausted, "too many requests of one identity"); e.Limit != "limits.max_requests_per_identity" {
		t.Errorf("got %+v, want the setting", e)
	}
	if err := other.Encode(timeout(t), &client.Batch{Spec: pipeline.Spec(small), Frames: frames}, new(client.Response)); err != nil {
		t.Errorf("another identity beside it: got %v", err)
	}
}

// TestCertificateScopes: a certificate may do what the line with its name says, over HTTP and gRPC, and any other of that authority what
// tls.client_scopes says.
func TestCertificateScopes(t *testing.T) {
	a, clients := newAuthority(t), newAuthority(t)
	for _, listed := range []bool{true, false} {
		s := startTLS(t, a, func(c *server.Config) {
			dir := filepath.Dir(c.TLS.Cert)
			c.TLS.ClientCA, c.Auth.TokensFile = filepath.Join(dir, "clients.pem"), filepath.Join(dir, "tokens")
			writeBlock(t, c.TLS.ClientCA, "CERTIFICATE", clients.cert.Raw)
			line := map[bool]string{true: "recorder cert:test view:cam*", false: "recorder cert:other encode"}[listed] // clients.client makes them for test
			if err := os.WriteFile(c.Auth.TokensFile, []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
			c.TLS.ClientScopes = config.Scopes{{Action: config.Publish, Glob: "cam*"}}
		})
		trust := &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{clients.client(t)}}
		want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[listed]
		if status, _, err := getTLS(timeout(t), "https://"+s.Addrs().HTTP+"/v1/streams", trust); err != nil || status != want {
			t.Errorf("listed: %v: got %d, %v, want %d", listed, status, err, want)
		}
		c, err := client.Dial(s.Addrs().GRPC, &client.Options{TLS: trust})
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Publish(timeout(t), "cam1", small, nil)
		if listed {
			wantError(t, err, codes.PermissionDenied, "certificate recorder lacks the scope publish:NAME: it has ")
		} else if err != nil {
			t.Errorf("not listed: got %v", err)
		} else if _, err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		s.stop()
	}
}

// TestLinksOnOtherPages: a page of another origin may use a link that it has, over HTTP and WebSocket, for what the link names. One that
// is none does not open anything, nor does a link beside a token.
func TestLinksOnOtherPages(t *testing.T) {
	s, sign := startWithTokens(t, nil, func(c *server.Config) { c.Auth.Token = "own" })
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	good, over := sign("cam*", time.Now().Add(time.Hour)), sign("cam*", time.Now().Add(-time.Second))
	page := []string{"Origin", foreign, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}
	image := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}
	for _, tt := range []struct {
		name, method, path string
		header             []string
		status             int
	}{
		{"fetch", "GET", "/v1/streams/cam1?" + good, page, http.StatusOK},
		{"image", "HEAD", "/stream/cam1.mjpg?" + good, image, http.StatusOK},
		{"other-stream", "GET", "/snapshot/door.jpg?" + good, image, http.StatusForbidden},
		{"over", "GET", "/v1/streams/cam1?" + over, page, http.StatusUnauthorized},
		{"altered", "GET", "/v1/streams/cam1?" + good + "x", page, http.StatusUnauthorized},
		{"empty", "GET", "/v1/streams/cam1?link=", page, http.StatusUnauthorized},
		{"no-link", "GET", "/v1/streams/cam1", page, http.StatusForbidden},
		{"post", "POST", "/v1/streams/cam1?" + good, page, http.StatusForbidden},
		{"post-encode", "POST", "/v1/encode?" + good, page, http.StatusForbidden},
		{"token-beside", "GET", "/v1/streams/cam1?" + good, append([]string{"Authorization", "Bearer own"}, page...), http.StatusForbidden},
		{"password-beside", "GET", "/v1/streams/door?" + good, append([]string{"Authorization", "Basic eDpvd24="}, page...), http.StatusForbidden},
	} {
		resp, body := s.ask(t, tt.method, tt.path, tt.header...)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: got %s, %s, want %d", tt.name, resp.Status, body, tt.status)
		}
		want := map[bool]string{true: "*"}[tt.status == http.StatusOK || tt.name == "other-stream" || tt.name == "password-beside"] // It is the link that was looked at.
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: got Access-Control-Allow-Origin %q, want %q", tt.name, got, want)
		}
	}
	ws := s.socket(t, "?"+good, http.Header{"Origin": {foreign}})
	if m := told(t, ws, `{"op":"watch","id":1,"stream":"cam1"}`); m.State != "waiting" {
		t.Errorf("over a WebSocket: got %+v", m)
	}
}
