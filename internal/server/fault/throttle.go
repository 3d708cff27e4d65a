package fault

import (
	"strings"
	"sync"
	"time"
)

// refusalsLogged is how many refusals of one cause are logged a second: under overload or attack there are thousands,
// which would fill the disk and slow down the rest.
const refusalsLogged = 5

// A Throttle rate-limits the log of refusals: some a second for each cause, which is a kind and, for a limit, its setting. The
// zero Throttle is ready. Its methods may be called from any goroutine.
type Throttle struct {
	mu     sync.Mutex
	causes map[cause]*refusals
}

type cause struct {
	kind  Kind
	limit string // Error.Limit; settings are few
}

// refusals counts those of one second.
type refusals struct {
	begin   time.Time
	logged  int
	omitted int // since the last that was logged
}

// Admit reports whether to log e, and, if so, how many errors of its cause were not logged since the last one.
func (t *Throttle) Admit(e *Error) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := cause{e.Kind, e.Limit}
	r := t.causes[c]
	if r == nil {
		if t.causes == nil {
			t.causes = map[cause]*refusals{}
		}
		r = &refusals{}
		t.causes[c] = r
	}
	if now := time.Now(); now.Sub(r.begin) >= time.Second {
		r.begin, r.logged = now, 0
	}
	if r.logged == refusalsLogged {
		r.omitted++
		return 0, false
	}
	r.logged++
	suppressed, r.omitted = r.omitted, 0
	return suppressed, true
}

// maxLogged is how many bytes of a value from a client are logged.
const maxLogged = 256

// Cut returns s for the log: its first 256 bytes at most, so that clients cannot fill the log.
func Cut(s string) string {
	if len(s) <= maxLogged {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:maxLogged-len(ellipsis)], "") + ellipsis
}
