package httpapi

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// TestRefusalsAreLoggedSparingly: an overload does not fill the log, which says all the same how many were refused.
func TestRefusalsAreLoggedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := &Handler{log: slog.New(slog.NewTextHandler(&log, nil))}
		r := httptest.NewRequest(http.MethodPost, "/v1/encode", nil)
		busy := fault.BusyOf("limits.queue_depth", 21, 20, "too many wait")
		for range 1000 {
			h.logFault(r, nil, busy)
		}
		first := strings.Count(log.String(), "kind=busy")
		if first == 0 || first > 10 || strings.Contains(log.String(), "suppressed") {
			t.Errorf("got %d lines of 1000 refusals in no time, want some:\n%s", first, &log)
		}
		h.logFault(r, nil, fault.Errorf(fault.Invalid, "wrong"))
		if !strings.Contains(log.String(), "kind=invalid") {
			t.Error("got no line about another kind of fault")
		}
		time.Sleep(time.Second)
		log.Reset()
		h.logFault(r, nil, busy)
		if want := slog.Int("suppressed", 1000-first).String(); !strings.Contains(log.String(), want) {
			t.Errorf("got %q a second later, want %s in it", &log, want)
		}
	})
}
