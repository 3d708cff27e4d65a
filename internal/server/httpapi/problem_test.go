package httpapi

import (
	"net/http"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// unheard is a response that nobody reads.
type unheard struct{ header http.Header }

// Header is part of http.ResponseWriter.
func (u *unheard) Header() http.Header { return u.header }

// WriteHeader is part of http.ResponseWriter.
func (u *unheard) WriteHeader(int) {}

// Write is part of http.ResponseWriter.
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }

// TestRepeatedRefusalAllocatesNothing: under overload there are many that say the same, of callers that say where they come from.
func TestRepeatedRefusalAllocatesNothing(t *testing.T) {
	h := &Handler{pages: auth.NewOrigins(nil)}
	f := fault.BusyOf("limits.queue_depth", 21, 20, "the queue is full")
	w := &unheard{http.Header{}}
	r := &http.Request{Header: http.Header{"Referer": {"https://other.example/page"}}}
	alloctest.Zero(t, 100, func() {
		setSecurityHeaders(w.header, r, h.pages)
		h.said.Of(f, documentOf).write(w)
	})
	for name, want := range map[string]string{"Retry-After": "1", "Content-Type": "application/problem+json", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := w.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
