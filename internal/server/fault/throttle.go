package fault

import (
	"sync"
	"time"
)

// refusalsLogged is how many refusals a second are logged for one reason: under overload there are thousands, and a line
// for each would take from the work that can be done.
const refusalsLogged = 5

// A Throttle says which errors are logged: all but refusals for want of room (Busy), of which some a second are for each
// limit. The zero Throttle is ready. Its methods may be called from any goroutine.
type Throttle struct {
	mu     sync.Mutex
	limits map[string]*refusals // by Error.Limit
}

// refusals is those of one second.
type refusals struct {
	begin   time.Time
	logged  int
	omitted int // since the last that was logged
}

// Admit reports whether e is to be logged, and, if so, how many of its kind were not since the last that was.
func (t *Throttle) Admit(e *Error) (suppressed int, ok bool) {
	if e.Kind != Busy {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.limits[e.Limit]
	if r == nil {
		if t.limits == nil {
			t.limits = map[string]*refusals{}
		}
		r = &refusals{}
		t.limits[e.Limit] = r
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
