package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAskAdmin(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "draining", http.StatusServiceUnavailable) })
	mux.HandleFunc("GET /stuck", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	socket := filepath.Join(t.TempDir(), "s")
	tcp := listenAndServe(t, "tcp", "127.0.0.1:0", mux)
	unix := "unix:" + listenAndServe(t, "unix", socket, mux)
	_, port, _ := net.SplitHostPort(tcp)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()

	secure := httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	tests := []struct {
		name, listen, path string
		want, err          string
	}{
		{"tcp", tcp, "/healthz", "ok", ""},
		{"unix", unix, "/healthz", "ok", ""},
		{"any-address", "0.0.0.0:" + port, "/healthz", "ok", ""},
		{"not-ready", tcp, "/readyz", "", "says 503 Service Unavailable: draining"},
		{"stuck", tcp, "/stuck", "", "did not respond in time"},
		{"nobody", gone.Addr().String(), "/healthz", "", "no server at " + gone.Addr().String()},
		{"no-socket", "unix:/nowhere/s", "/healthz", "", "no server at unix:/nowhere/s"},
		{"other-path", tcp, "/elsewhere", "", tcp + " is not the admin listener (404 Not Found): check the port"},
		{"TLS", strings.TrimPrefix(secure.URL, "https://"), "/healthz", "", "speaks TLS: give its settings"},
		{"no-HTTP", noHTTP(t), "/healthz", "", "is no HTTP server: check the port"},
		{"off", "off", "/healthz", "", "admin.listen is off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limit := time.Minute
			if tt.path == "/stuck" {
				limit = 20 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			got, err := AskAdmin(ctx, tt.listen, "", tt.path)
			if got != tt.want || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// noHTTP says something that is no HTTP to the first who connects, until t ends, and returns where.
func noHTTP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n"))
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// listenAndServe serves h until t ends and returns where.
func listenAndServe(t *testing.T, network, address string, h http.Handler) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
