package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// foreign is the origin of another page.
const foreign = "https://evil.example"

// routes are the routes that pages use, by method and path.
var routes = []struct{ method, path string }{
	{"POST", "/v1/encode"}, {"POST", "/v1/streams/cam"}, {"PUT", "/v1/streams/cam"}, {"GET", "/v1/streams"}, {"GET", "/v1/streams/cam"}, {"GET", "/v1/stats"},
	{"POST", "/v1/mel"}, {"PUT", "/v1/streams/cam/sound"}, {"POST", "/v1/links"}, {"GET", "/sound/cam.wav"}, {"GET", "/v1/streams/cam/record"}, {"GET", "/plain"},
	{"GET", "/v1/scenes"}, {"PUT", "/v1/scenes/anna"}, {"DELETE", "/v1/scenes/anna"},
	{"GET", "/stream/cam.mjpg"}, {"GET", "/snapshot/cam.jpg"}, {"GET", "/ws"}, {"GET", "/?action=stream"}, {"GET", "/?action=snapshot"},
}

// TestForeignPagesAreRefused on every route but the page's own files, before anything happens; and every response tells
// browsers that it is for the server's own pages.
func TestForeignPagesAreRefused(t *testing.T) {
	s := start(t, nil)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	check := func(resp *http.Response) {
		t.Helper()
		h := resp.Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: got %v", resp.Request.Method, resp.Request.URL.Path, h)
		}
	}
	for _, r := range routes {
		for _, header := range [][]string{{"Origin", foreign}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}} {
			resp, body := s.ask(t, r.method, r.path, header...)
			if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "http.cors_origins") {
				t.Errorf("%s %s with %q: got %s, %s, want 403 that names the setting", r.method, r.path, header, resp.Status, body)
			}
			check(resp)
		}
		if r.method == "GET" && !strings.Contains(r.path, "stream") {
			resp, _ := s.ask(t, r.method, r.path, "Origin", scheme+"://"+s.Addrs().HTTP)
			if resp.StatusCode == http.StatusForbidden {
				t.Errorf("%s %s of the server's own page: got %s", r.method, r.path, resp.Status)
			}
			check(resp)
		}
	}
	for _, path := range []string{"/", "/assets/app.js", "/favicon.ico", "/nothing"} {
		resp, _ := s.ask(t, "GET", path, "Origin", foreign)
		if resp.StatusCode == http.StatusForbidden {
			t.Errorf("GET %s: got %s", path, resp.Status)
		}
		check(resp)
	}
	if resp, _ := s.ask(t, "OPTIONS", "/v1/streams/cam", "Origin", foreign, "Access-Control-Request-Method", "PUT"); resp.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("a preflight: got %v", resp.Header)
	}
}

// TestAdminIsForNoOtherPages: any web page could otherwise take profiles, which cost time.
func TestAdminIsForNoOtherPages(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/debug/pprof/profile?seconds=1", "/debug/pools", "/metrics", "/"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", scheme+"://"+s.Addrs().Admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		transport := newTransport()
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: got %s, %v, want 403", path, resp.Status, resp.Header)
		}
		if err := errors.Join(resp.Body.Close()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	}
}

// TestListedOrigins: pages of origins in http.cors_origins may use all routes and read the responses; they need the
// token all the same.
func TestListedOrigins(t *testing.T) {
	const listed = "https://wall.example"
	for list, want := range map[string]string{listed + ",http://other.test": listed, "*": "*"} {
		s := start(t, func(c *server.Config) {
			c.Auth.Token = "hunter2"
			var o config.Origins
			if err := o.UnmarshalText([]byte(list)); err != nil {
				t.Fatal(err)
			}
			c.HTTP.CORSOrigins = o
		})
		for _, r := range routes {
			resp, _ := s.ask(t, "OPTIONS", r.path, "Origin", listed, "Sec-Fetch-Site", "cross-site", "Access-Control-Request-Method", r.method,
				"Access-Control-Request-Headers", "authorization", "Access-Control-Request-Private-Network", "true")
			h := resp.Header
			if resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != want || !strings.Contains(h.Get("Access-Control-Allow-Methods"), r.method) ||
				!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || h.Get("Access-Control-Allow-Private-Network") != "true" {
				t.Errorf("OPTIONS %s of %s: got %s, %v", r.path, list, resp.Status, h)
			}
			resp, _ = s.ask(t, r.method, r.path, "Origin", listed)
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("%s %s of %s without the token: got %s, %v, want 401 that the page can read", r.method, r.path, list, resp.Status, resp.Header)
			}
			resp, _ = s.ask(t, r.method, r.path, "Origin", listed, "Authorization", "Bearer hunter2")
			if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized || resp.Header.Get("Access-Control-Allow-Origin") != want ||
				resp.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || want == listed && resp.Header.Get("Vary") != "Origin" {
				t.Errorf("%s %s of %s: got %s, %v", r.method, r.path, list, resp.Status, resp.Header)
			}
		}
		resp, _ := s.ask(t, "GET", "/v1/streams", "Origin", foreign, "Authorization", "Bearer hunter2")
		if allowed := resp.StatusCode == http.StatusOK; allowed != (list == "*") {
			t.Errorf("an origin that is not in %s: got %s", list, resp.Status)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		s.stop()
	}
}

// TestRefusalsAreRateLimitedInTheLog: an attack of thousands of requests, each with a name of kilobytes, leaves a few
// short lines.
func TestRefusalsAreRateLimitedInTheLog(t *testing.T) {
	s := start(t, nil)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	long := strings.Repeat("n", 8000)
	const requests = 200 // of each kind
	begin := time.Now()
	for range requests {
		s.ask(t, "GET", "/stream/"+long+".mjpg")
		s.ask(t, "GET", "/snapshot/x.jpg?max_age="+long)
		s.ask(t, "POST", "/v1/encode?"+long)
		s.ask(t, "POST", "/v1/streams/cam", "Origin", foreign)
	}
	most := 5 * 3 * (2 + int(time.Since(begin)/time.Second)) // lines: of three kinds, in all these seconds
	warned := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "level=WARN") {
			warned++
		}
		if len(line) > 1200 {
			t.Fatalf("got a line of %d bytes: %.100s...", len(line), line)
		}
	}
	if warned == 0 || warned > most || warned > 3*requests {
		t.Errorf("got %d warnings of %d refusals, want some and at most %d", warned, 4*requests, most)
	}
}
