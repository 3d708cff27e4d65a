package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// TestRebinding: a web page whose name points to this server gets nothing from any listener, though for its browser the
// server is its own origin: not the streams, nor a WebSocket, nor profiles, nor the page's files.
func TestRebinding(t *testing.T) {
	const evil = "evil.example"
	s := start(t, nil)
	transport := newTransport()
	defer transport.CloseIdleConnections()
	paths := map[string][]string{
		s.Addrs().HTTP:  {"/", "/plain", "/assets/app.js", "/favicon.ico", "/nothing", "/v1/stats"},
		s.Addrs().Admin: {"/", "/metrics", "/healthz", "/debug/pools", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1"},
	}
	for _, r := range routes {
		paths[s.Addrs().HTTP] = append(paths[s.Addrs().HTTP], r.path)
	}
	for address, list := range paths {
		for _, path := range list {
			for _, method := range []string{"GET", "POST", "PUT", "OPTIONS"} {
				r, err := http.NewRequestWithContext(t.Context(), method, scheme+"://"+address+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = evil
				r.Header.Set("Origin", "http://"+evil)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				body := readAll(t, resp.Body)
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
				if resp.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(string(body), "http.hosts") {
					t.Errorf("%s %s: got %s, %.200s, want 421 that names the setting", method, path, resp.Status, body)
				}
			}
		}
	}
	if !strings.Contains(s.log.String(), "kind=misdirected") {
		t.Error("the log says nothing of it")
	}
}

// TestWebSocketHijack: neither a page of another origin nor one whose name was bound to this server opens a WebSocket; one of the
// server itself, and a program, do.
func TestWebSocketHijack(t *testing.T) {
	s := start(t, nil)
	transport := newTransport()
	defer transport.CloseIdleConnections()
	address := s.Addrs().HTTP
	for _, tt := range []struct {
		name, host, origin string
		status             int
	}{
		{"foreign", address, foreign, http.StatusForbidden},
		{"rebound", "evil.example", "http://evil.example", http.StatusMisdirectedRequest},
		{"null", address, "null", http.StatusForbidden},
		{"own", address, scheme + "://" + address, http.StatusSwitchingProtocols},
		{"program", address, "", http.StatusSwitchingProtocols},
	} {
		o := &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, Host: tt.host, HTTPHeader: http.Header{}, Subprotocols: []string{"steadyframe.v1"}}
		if tt.origin != "" {
			o.HTTPHeader.Set("Origin", tt.origin)
		}
		ws, resp, err := websocket.Dial(timeout(t), strings.Replace(scheme, "http", "ws", 1)+"://"+address+"/ws", o)
		if resp == nil || resp.StatusCode != tt.status {
			t.Errorf("%s: got %v, %v, want status %d", tt.name, resp, err, tt.status)
		}
		if ws != nil {
			_ = ws.CloseNow()
		}
	}
}

// TestHostsSetting: the names in http.hosts are served on both listeners, and the page says who may frame it.
func TestHostsSetting(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.HTTP.Hosts = config.Hosts{"frames.example"}
		c.HTTP.FrameAncestors = config.Origins{"https://wall.example"}
	})
	transport := newTransport()
	defer transport.CloseIdleConnections()
	for _, url := range []string{s.Addrs().HTTP + "/", s.Addrs().HTTP + "/plain", s.Addrs().Admin + "/healthz"} {
		for host, want := range map[string]int{"frames.example:8443": http.StatusOK, "other.example": http.StatusMisdirectedRequest} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", scheme+"://"+url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("Accept", "text/html")
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, resp.Body)
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			policy := resp.Header.Get("Content-Security-Policy")
			if framed := strings.HasSuffix(policy, "frame-ancestors 'self' https://wall.example"); resp.StatusCode != want || resp.StatusCode == 200 && !strings.HasSuffix(url, "/healthz") && !framed {
				t.Errorf("%s as %s: got %s, policy %q, want %d", url, host, resp.Status, policy, want)
			}
		}
	}
}
