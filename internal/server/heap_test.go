package server

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// TestLimitHeap: Go's memory limit follows the memory budget, unless the environment has one.
func TestLimitHeap(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	const ours = 2<<30 + 256<<20 + 32<<20
	for _, tt := range []struct {
		name, environment string
		want              int64
		logged            string
	}{
		{"unset", "", ours, "bytes=2449473536 memory_budget=2GiB"},
		{"set", "1GiB", before, "GOMEMLIMIT=1GiB"},
		{"off", "off", before, "GOMEMLIMIT=off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", tt.environment)
			var log bytes.Buffer
			s := newIdle(t, &log)
			restore := s.LimitHeap()
			got := debug.SetMemoryLimit(-1)
			restore()
			if got != tt.want || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("got a limit of %d and the log %q, want %d and %q", got, &log, tt.want, tt.logged)
			}
			if after := debug.SetMemoryLimit(-1); after != before {
				t.Errorf("got a limit of %d after restore, want %d as before", after, before)
			}
		})
	}
}

// TestHeapLimit: the largest budget has a limit, too.
func TestHeapLimit(t *testing.T) {
	for _, budget := range []int64{int64(config.MiB), 512 * int64(config.MiB), 1 << 50} {
		if got := HeapLimit(budget); got < budget+32<<20 || got == math.MaxInt64 {
			t.Errorf("budget %d: got a limit of %d, want more by 32 MiB at least", budget, got)
		}
	}
}

// newIdle returns a server with a budget of 2 GiB, whose Run ends at once.
func newIdle(t *testing.T, log *bytes.Buffer) *Server {
	t.Helper()
	c := Default()
	c.Limits.MemoryBudget = 2 << 30
	c.HTTP.Listen, c.GRPC.Listen, c.Admin.Listen = "127.0.0.1:0", "off", "off"
	s, err := New(c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		if err := s.Run(ended); err != nil {
			t.Error(err)
		}
	})
	return s
}
