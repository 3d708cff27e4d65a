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
			h := &Handler{engine: e, auth: auth.New(e.Config), hosts: auth.NewHosts(config.Hosts{"*"}, ""), pages: auth.NewOrigins(nil), log: slog.New(slog.DiscardHandler)}
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
