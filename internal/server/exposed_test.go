package server_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server"
)

// TestExposedAdmin: where other machines reach the admin listener, all but its checks of health needs the token.
func TestExposedAdmin(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		s := start(t, func(c *server.Config) { c.Admin.Listen, c.Auth.Token = listen, "hunter2" })
		_, port, err := net.SplitHostPort(s.Addrs().Admin)
		if err != nil {
			t.Fatal(err)
		}
		transport := newTransport()
		for path, open := range map[string]bool{"/healthz": true, "/readyz": true, "/metrics": false, "/debug/pools": false, "/debug/pprof/cmdline": false, "/": false} {
			for token, right := range map[string]bool{"": false, "hunter3": false, "hunter2": true} {
				r, err := http.NewRequestWithContext(t.Context(), "GET", scheme+"://127.0.0.1:"+port+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				readAll(t, resp.Body)
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
				want := http.StatusOK
				if listen == "0.0.0.0:0" && !open && !right {
					want = http.StatusUnauthorized
				}
				if resp.StatusCode != want {
					t.Errorf("%s: %s with token %q: got %s, want %d", listen, path, token, resp.Status, want)
				}
			}
		}
		transport.CloseIdleConnections()
		s.stop()
	}
}

// TestExposedAdminScope: where other machines reach the admin listener, a token needs the scope admin, and the log says who used it.
func TestExposedAdminScope(t *testing.T) {
	s, sign := startWithTokens(t, map[string]string{"wall": "view:*,publish:*,encode", "ops": "admin"}, func(c *server.Config) { c.Admin.Listen = "0.0.0.0:0" })
	_, port, err := net.SplitHostPort(s.Addrs().Admin)
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport()
	defer transport.CloseIdleConnections()
	for _, path := range []string{"/metrics", "/debug/pools", "/debug/pprof/cmdline", "/"} {
		for _, tt := range []struct {
			name, query string
			status      int
		}{{"wall", "", http.StatusForbidden}, {"ops", "", http.StatusOK}, {"nobody", "", http.StatusUnauthorized}, {"link", "?" + sign("*", time.Now().Add(time.Hour)), http.StatusForbidden}} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", scheme+"://127.0.0.1:"+port+path+tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.query == "" {
				r.Header.Set("Authorization", "Bearer "+secretOf(tt.name))
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body := string(readAll(t, resp.Body))
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if resp.StatusCode != tt.status || tt.status == http.StatusForbidden && !strings.Contains(body, "lacks the scope admin") {
				t.Errorf("%s by %s: got %s, %.200s, want %d", path, tt.name, resp.Status, body, tt.status)
			}
		}
	}
	for want, there := range map[string]bool{
		`identity="token ops" action=admin name=/debug/pools`: true, `identity="token ops" action=admin name=/metrics`: false, `identity="token wall" action=admin name=/metrics`: true,
	} {
		if strings.Contains(s.log.String(), want) != there {
			t.Errorf("the log has %s: %v, want %v", want, !there, there)
		}
	}
}
