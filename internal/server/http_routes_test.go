package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server"
)

// ask makes a request and returns its response, read and closed.
func (s *running) ask(t *testing.T, method, path string, header ...string) (resp *http.Response, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, scheme+"://"+s.Addrs().HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err = http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body = string(readAll(t, resp.Body))
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp, body
}

// TestTokenOfRoutes: every route but the page's own files needs the token: in the header, or, for requests that only
// read, as a parameter, since browsers set no header for what they load by themselves.
func TestTokenOfRoutes(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Auth.Token = "hunter2" })
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for _, path := range []string{"/v1/streams", "/v1/streams/x", "/v1/stats", "/stream/x.mjpg", "/snapshot/x.jpg", "/ws", "/?action=stream", "/?action=snapshot"} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer hunter3"}, {"Authorization", "Basic aHVudGVyMg=="}, {"Authorization", "hunter2"}} {
			if resp, _ := s.ask(t, "GET", path, header...); resp.StatusCode != 401 {
				t.Errorf("GET %s with %q: got %s, want 401", path, header, resp.Status)
			}
		}
		if resp, _ := s.ask(t, "GET", path, "Authorization", "Bearer hunter2"); resp.StatusCode == 401 {
			t.Errorf("GET %s with the token: got 401", path)
		}
	}
	tests := []struct {
		method, path string
		header       []string
		status       int
	}{
		{method: "GET", path: "/v1/streams?access_token=hunter2", status: 200},
		{method: "HEAD", path: "/v1/streams?access_token=hunter2", status: 200},
		{method: "GET", path: "/v1/streams?access_token=hunter2", header: []string{"Authorization", "Basic dXNlcjpwdw=="}, status: 200},
		{method: "GET", path: "/v1/streams?access_token=hunter2", header: []string{"Authorization", "Bearer hunter3"}, status: 401},
		{method: "GET", path: "/v1/streams?access_token=hunter3", status: 401},
		{method: "GET", path: "/v1/streams", header: []string{"Authorization", "Basic YW55Ym9keTpodW50ZXIy"}, status: 200},
		{method: "GET", path: "/v1/streams", header: []string{"Authorization", "Basic aHVudGVyMjphbnlib2R5"}, status: 401},
		{method: "POST", path: "/v1/encode", header: []string{"Authorization", "Basic YW55Ym9keTpodW50ZXIy"}, status: 400},
		{method: "GET", path: "/v1/streams?access_token=", status: 401},
		{method: "POST", path: "/v1/encode?access_token=hunter2", status: 401},
		{method: "POST", path: "/v1/streams/x?access_token=hunter2", status: 401},
		{method: "GET", path: "/", header: []string{"Accept", "text/html"}, status: 200},
		{method: "GET", path: "/", status: 200},
		{method: "GET", path: "/favicon.ico", status: 200},
	}
	for _, tt := range tests {
		if resp, body := s.ask(t, tt.method, tt.path, tt.header...); resp.StatusCode != tt.status {
			t.Errorf("%s %s with %q: got %s, want %d: %s", tt.method, tt.path, tt.header, resp.Status, tt.status, body)
		}
	}
}

// TestChallenge: players are asked for a password, as they want before they send that of a URL; people in front of a browser are
// not.
func TestChallenge(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Auth.Token = "hunter2" })
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for _, tt := range []struct {
		name   string
		header []string
		basic  bool
	}{
		{"player", []string{"User-Agent", "Lavf/59.27.100"}, true},
		{"browser", []string{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"}, false},
		{"page", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin"}, false},
	} {
		resp, _ := s.ask(t, "GET", "/stream/cam.mjpg", tt.header...)
		got := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
		if !strings.HasPrefix(got, "Bearer") || strings.Contains(got, "Basic realm=") != tt.basic {
			t.Errorf("%s: got %q, want Bearer, and Basic: %v", tt.name, got, tt.basic)
		}
	}
}

// TestMethodsOfRoutes: a wrong method is refused with the allowed ones.
func TestMethodsOfRoutes(t *testing.T) {
	s := start(t, nil)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"DELETE", "/v1/streams/x", 405, "GET, HEAD, POST, PUT"},
		{"POST", "/v1/streams", 405, "GET, HEAD"},
		{"GET", "/v1/encode", 405, "POST"},
		{"POST", "/ws", 405, "GET, HEAD"},
		{"GET", "/nothing", 404, ""},
		{"GET", "/stream/x.avi", 404, ""},
		{"GET", "/stream/.mjpg", 404, ""},
		{"GET", "/v1/streams/", 404, ""},
	}
	for _, tt := range tests {
		resp, body := s.ask(t, tt.method, tt.path)
		if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow || !strings.Contains(resp.Header.Get("Content-Type"), "problem+json") {
			t.Errorf("%s %s: got %s, Allow %q, %s; want %d, Allow %q and a problem: %s", tt.method, tt.path, resp.Status, resp.Header.Get("Allow"),
				resp.Header.Get("Content-Type"), tt.status, tt.allow, body)
		}
	}
}
