package server_test

import (
	"net"
	"net/http"
	"testing"

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
