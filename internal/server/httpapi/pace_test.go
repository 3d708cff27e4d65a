package httpapi

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// recorded is a response whose deadlines nobody needs.
type recorded struct{ *httptest.ResponseRecorder }

func (recorded) SetReadDeadline(time.Time) error  { return nil }
func (recorded) SetWriteDeadline(time.Time) error { return nil }

// TestFloodsAreSlowed: a connection that makes very many requests which are refused, or take no turn, gets its responses later
// and later; the first come at once.
func TestFloodsAreSlowed(t *testing.T) {
	for _, request := range []struct {
		method, path, origin string
		want                 int
	}{
		{http.MethodGet, "/" + strings.Repeat("n", 8000), "", http.StatusNotFound},
		{http.MethodDelete, "/v1/streams/x", "", http.StatusMethodNotAllowed},
		{http.MethodPost, "/v1/encode?nonsense=1", "", http.StatusBadRequest},
		{http.MethodPost, "/v1/encode?format=gray&size=16x16", "https://other.example", http.StatusForbidden},
		{http.MethodGet, "/", "", http.StatusOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := engine.New(config.Default(), metrics.New(), nil)
			defer e.Close()
			h := &Handler{engine: e, hosts: auth.NewHosts(config.Hosts{"*"}, ""), pages: auth.NewOrigins(nil), log: slog.New(slog.DiscardHandler)}
			h.mux = h.routes()
			ctx := engine.WithClient(t.Context(), new(engine.Client))
			serve := func() time.Duration {
				r := httptest.NewRequestWithContext(ctx, request.method, request.path, nil)
				if request.origin != "" {
					r.Header.Set("Origin", request.origin)
				}
				w, begin := recorded{httptest.NewRecorder()}, time.Now()
				h.ServeHTTP(w, r)
				if w.Code != request.want {
					t.Fatalf("%s %.20s: got %d, want %d", request.method, request.path, w.Code, request.want)
				}
				return time.Since(begin)
			}
			for range 10 {
				if took := serve(); took != 0 {
					t.Fatalf("%s %.20s: one of the first waited %v, want no wait", request.method, request.path, took)
				}
			}
			waited := time.Duration(0)
			for range 200 {
				waited += serve()
			}
			if waited == 0 {
				t.Errorf("%s %.20s: 200 more did not wait", request.method, request.path)
			}
		})
	}
}

// chatty is a connection on which each read has so many bytes.
type chatty struct {
	discarding
	bytes int
}

func (c *chatty) Read(p []byte) (int, error) { return min(c.bytes, len(p)), nil }

// TestMessagesAreSlowed: a WebSocket on which something always comes is read later and later; acknowledgements of images that were
// sent are read at once, however many they are.
func TestMessagesAreSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engine.New(config.Default(), metrics.New(), nil)
		defer e.Close()
		peer := &chatty{bytes: owedBytes}
		c := &pacedInput{Hijacked: conn.NewHijacked(peer, nil, time.Hour, nil), engine: e, ctx: engine.WithClient(t.Context(), new(engine.Client))}
		read := func() time.Duration {
			begin := time.Now()
			if n, err := c.Read(make([]byte, 4096)); n != peer.bytes || err != nil {
				t.Fatalf("got %d bytes, %v", n, err)
			}
			return time.Since(begin)
		}
		waited := time.Duration(0)
		for range 2000 {
			c.owe()
			waited += read()
		}
		if waited != 0 {
			t.Errorf("2000 acknowledgements waited %v, want no wait", waited)
		}
		for range 50 {
			waited += read()
		}
		if waited != 0 {
			t.Errorf("50 messages waited %v, want no wait", waited)
		}
		for range 200 {
			waited += read()
		}
		if waited < 50*time.Millisecond {
			t.Errorf("200 more messages waited %v, want more", waited)
		}
		for range 2 * owedMost {
			c.owe()
		}
		if owed := c.owed.Load(); owed < owedMost || owed >= owedMost+owedBytes {
			t.Errorf("got %d bytes owed, want those of all images that can be unacknowledged", owed)
		}
		peer.bytes = inputBytes // of more
		for range 2 * owedMost / inputBytes {
			waited += read()
		}
		if waited < 100*time.Millisecond {
			t.Errorf("more messages waited %v, want more", waited)
		}
		for n := 0; ; n++ {
			if _, err := c.Read(make([]byte, 4096)); err == errFlood {
				break
			} else if err != nil || n > 20_000 {
				t.Fatalf("got %v after %d reads, want that they are too many", err, n)
			}
		}
	})
}
