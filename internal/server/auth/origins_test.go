package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// TestOrigins: the headers that browsers send for pages of the server, of listed and of other origins, by the Fetch and
// Fetch Metadata standards.
func TestOrigins(t *testing.T) {
	const own, listed, foreign = "http://example.com", "https://wall.example:8443", "https://evil.example"
	type header = http.Header
	site := func(site, mode, dest string, more ...string) header {
		h := header{"Sec-Fetch-Site": {site}, "Sec-Fetch-Mode": {mode}, "Sec-Fetch-Dest": {dest}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	tests := []struct {
		name   string
		method string
		header header
		want   bool // with a list
		all    bool // with *
	}{
		{"program", "POST", nil, true, true},
		{"own-fetch", "POST", site("same-origin", "cors", "empty", "Origin", own), true, true},
		{"own-old-browser", "POST", header{"Origin": {own}}, true, true},
		{"own-behind-proxy", "POST", site("same-origin", "cors", "empty", "Origin", "https://public.example"), true, true},
		{"typed", "GET", site("none", "navigate", "document"), true, true},
		{"foreign-fetch", "POST", site("cross-site", "no-cors", "empty", "Origin", foreign), false, true},
		{"foreign-old-browser", "POST", header{"Origin": {foreign}}, false, true},
		{"foreign-form", "POST", site("cross-site", "navigate", "document", "Origin", foreign), false, true},
		{"foreign-put", "PUT", header{"Origin": {foreign}}, false, true},
		{"same-site", "POST", site("same-site", "cors", "empty", "Origin", "http://example.com:81"), false, true},
		{"other-scheme", "POST", header{"Origin": {"http://wall.example:8443"}}, false, true},
		{"sandboxed", "POST", header{"Origin": {"null"}}, false, true},
		{"foreign-image", "GET", site("cross-site", "no-cors", "image"), false, true},
		{"foreign-image-referer", "GET", site("cross-site", "no-cors", "image", "Referer", foreign+"/"), false, true},
		{"foreign-frame", "GET", site("cross-site", "navigate", "iframe"), false, true},
		{"foreign-link", "GET", site("cross-site", "navigate", "document", "Referer", foreign+"/"), true, true},
		{"foreign-socket", "GET", site("cross-site", "websocket", "websocket", "Origin", foreign), false, true},
		{"listed-fetch", "POST", site("cross-site", "cors", "empty", "Origin", listed), true, true},
		{"listed-old-browser", "POST", header{"Origin": {listed}}, true, true},
		{"listed-image", "GET", site("cross-site", "no-cors", "image", "Referer", listed+"/"), true, true},
		{"listed-referer-of-post", "POST", site("cross-site", "no-cors", "empty", "Referer", listed+"/", "Origin", "null"), false, true},
		{"listed-in-user", "GET", site("cross-site", "no-cors", "image", "Referer", "https://evil.example/"+listed), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/v1/streams/cam", nil)
			r.Header = tt.header
			for list, want := range map[string]bool{listed: tt.want, "*": tt.all} {
				err := auth.NewOrigins(config.Origins{list}).Check(r)
				if got := err == nil; got != want {
					t.Errorf("with %s: got %v, want allowed: %v", list, err, want)
				}
				if err != nil && fault.From(err).Kind != fault.Forbidden {
					t.Errorf("got kind %v, want forbidden", fault.From(err).Kind)
				}
			}
		})
	}
}
