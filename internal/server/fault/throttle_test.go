package fault

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestThrottle: refusals of one cause are logged a few times a second, and the next says how many were not; other
// limits and kinds are separate.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var throttle Throttle
		memory, queue := BusyOf("limits.memory_budget", 2, 1, ""), BusyOf("limits.queue_depth", 2, 1, "")
		// send throttles n errors, and returns how many are logged, and how many those report as not logged.
		send := func(e *Error, n int) (logged, suppressed int) {
			for range n {
				if more, ok := throttle.Admit(e); ok {
					logged, suppressed = logged+1, suppressed+more
				}
			}
			return logged, suppressed
		}
		expect := func(what string, e *Error, n, wantLogged, wantSuppressed int) {
			t.Helper()
			if logged, suppressed := send(e, n); logged != wantLogged || suppressed != wantSuppressed {
				t.Errorf("%s: got %d lines that tell of %d others, want %d and %d", what, logged, suppressed, wantLogged, wantSuppressed)
			}
		}
		expect("first second", memory, 100, refusalsLogged, 0)
		expect("another limit", queue, 3, 3, 0)
		expect("another kind", Errorf(Invalid, "wrong"), 1000, refusalsLogged, 0)
		expect("another text of that kind", Errorf(Invalid, "also wrong"), 1000, 0, 0)
		time.Sleep(time.Second - 1)
		expect("the same second", memory, 10, 0, 0)
		time.Sleep(time.Nanosecond)
		expect("second second", memory, 10, refusalsLogged, 100-refusalsLogged+10)
		time.Sleep(time.Hour)
		expect("later", memory, 1, 1, 10-refusalsLogged)
		expect("nothing left out since", memory, 1, 1, 0)
	})
}

// TestThrottleCounts: each of many concurrent errors is logged, or counted as not logged, once.
func TestThrottleCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var throttle Throttle
		var told atomic.Int64
		var all sync.WaitGroup
		busy := BusyOf("limits.queue_depth", 2, 1, "")
		admit := func() {
			if suppressed, ok := throttle.Admit(busy); ok {
				told.Add(int64(1 + suppressed))
			}
		}
		for range 50 {
			all.Go(func() {
				for range 100 {
					admit()
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Second)
		admit()
		if told.Load() != 50*100+1 {
			t.Errorf("got %d refusals told of, want %d", told.Load(), 50*100+1)
		}
	})
}

func TestCut(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{strings.Repeat("a", 256), strings.Repeat("a", 256)},
		{strings.Repeat("a", 257), strings.Repeat("a", 253) + "…"},
		{strings.Repeat("é", 1000), strings.Repeat("é", 126) + "…"},
	} {
		if got := Cut(tt.in); got != tt.want {
			t.Errorf("of %d bytes: got %q, want %q", len(tt.in), got, tt.want)
		}
	}
}
