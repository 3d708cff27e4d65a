package grpcapi

import (
	"bytes"
	"log/slog"
	"net"
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
		s := &service{log: slog.New(slog.NewTextHandler(&log, nil))}
		c := &scripted{ctx: t.Context()}
		busy := fault.BusyOf("limits.queue_depth", 21, 20, "too many wait")
		for range 1000 {
			s.logFault(c.ctx, "Encode", busy)
		}
		first := strings.Count(log.String(), "kind=busy")
		if first == 0 || first > 10 || strings.Contains(log.String(), "suppressed") {
			t.Errorf("got %d lines of 1000 refusals in no time, want some:\n%s", first, &log)
		}
		time.Sleep(time.Second)
		log.Reset()
		s.logFault(c.ctx, "Encode", busy)
		if want := slog.Int("suppressed", 1000-first).String(); !strings.Contains(log.String(), want) {
			t.Errorf("got %q a second later, want %s in it", &log, want)
		}
	})
}

// TestCutsAreLoggedSparingly: many connections whose peers do not read leave a few lines.
func TestCutsAreLoggedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cut := 0
		all := &connections{log: slog.New(slog.NewTextHandler(&log, nil)), rejected: func(fault.Kind) { cut++ }}
		for range 1000 {
			ours, theirs := net.Pipe()
			c := &connection{Conn: ours, all: all, held: map[*held]struct{}{}}
			c.cut(&fault.Error{Kind: fault.Slow, Reason: "the response was not read"})
			_ = theirs.Close()
		}
		if lines := strings.Count(log.String(), "does not read"); cut != 1000 || lines == 0 || lines > 10 {
			t.Errorf("got %d lines of %d connections in no time, want some of 1000:\n%s", lines, cut, &log)
		}
	})
}
