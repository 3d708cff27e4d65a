package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/pipes"
)

// TestShutdownWaitsForHandlers: net/http waits for connections alone, and for those of HTTP/1.1 that it closes not at all.
func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Run("http2", func(t *testing.T) { shutdownWaits(t, 2) })
	t.Run("http1", func(t *testing.T) { shutdownWaits(t, 1) })
}

func shutdownWaits(t *testing.T, major int) {
	l, err := conn.Listen("test", "127.0.0.1:0", conn.Options{MaxConnections: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	left, end := make(chan struct{}), make(chan struct{})
	ended := false
	serve, shutdown := Serve(e, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != major {
			t.Errorf("got %s, want HTTP/%d", r.Proto, major)
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
	protocols.SetHTTP1(major == 1)
	protocols.SetUnencryptedHTTP2(major == 2)
	transport := &http.Transport{Protocols: protocols}
	resp, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cut, cancel := context.WithCancel(context.Background())
	if cancel(); major == 2 {
		cut = context.Background()
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		<-left
	}
	go func() {
		<-served // Shutdown has begun,
		<-left   // and has ended the connection.
		close(end)
	}()
	shutdown(cut)
	_ = resp.Body.Close()
	if !ended {
		t.Error("shutdown returned before the handler")
	}
}

// TestShutdownWaitsForNoPeer: however many connections over TLS there are whose peers read nothing any more, idle ones or with a request
// in flight, the end comes when the context ends.
func TestShutdownWaitsForNoPeer(t *testing.T) {
	files := httptest.NewTLSServer(nil)
	secure, client := &tls.Config{Certificates: files.TLS.Certificates}, files.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	files.Close()
	client.ServerName = "127.0.0.1"
	synctest.Test(t, func(t *testing.T) {
		const connections, limit = 10, 3 * time.Second
		inner := pipes.Listen()
		e := engine.New(config.Default(), metrics.New(), nil)
		defer e.Close()
		serve, shutdown := Serve(e, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/waits" {
				<-r.Context().Done()
			}
		}), slog.New(slog.DiscardHandler))
		served := make(chan error, 1)
		l, err := conn.Listen("test", "", conn.Options{MaxConnections: 2 * connections, TLS: secure, Log: slog.New(slog.DiscardHandler), Passed: map[string]net.Listener{"test": inner}})
		if err != nil {
			t.Fatal(err)
		}
		go func() { served <- serve(l) }()
		for i := range 2 * connections {
			far := inner.Dial()
			peer := tls.Client(far, client)
			path := [2]string{"/", "/waits"}[i%2]
			if _, err := fmt.Fprintf(peer, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
				t.Fatal(err)
			}
			if path == "/" {
				if _, err := http.ReadResponse(bufio.NewReader(peer), nil); err != nil {
					t.Fatal(err)
				}
			}
			defer func() { _ = far.Close() }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		begin := time.Now()
		shutdown(ctx)
		if took := time.Since(begin); took > limit+time.Second {
			t.Errorf("the end took %v, want %v", took, limit)
		}
		<-served
	})
}
