package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// TestShutdownWaitsForHTTP2Handlers: net/http waits for their connections alone.
func TestShutdownWaitsForHTTP2Handlers(t *testing.T) {
	l, err := conn.Listen("test", "127.0.0.1:0", conn.Options{MaxConnections: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	left, end := make(chan struct{}), make(chan struct{})
	ended := false
	serve, shutdown := Serve(e, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("got %s, want HTTP/2", r.Proto)
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
		<-end
		ended = true
	}), slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- serve(l) }()

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	resp, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	transport.CloseIdleConnections()
	<-left
	go func() {
		<-served // Shutdown has begun.
		close(end)
	}()
	shutdown(context.Background())
	if !ended {
		t.Error("shutdown returned before the handler")
	}
}
