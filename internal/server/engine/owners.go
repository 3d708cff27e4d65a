package engine

import (
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// owners counts the requests in flight of each identity whose part is bounded. The zero value is ready.
type owners struct {
	mu   sync.Mutex
	open map[string]int // of those that have some
}

// enter counts a request of an owner until leave, and refuses it with Busy when there are as many as may be. The empty owner is
// not bounded.
func (o *owners) enter(owner string, most int) error {
	if owner == "" {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.open[owner]
	if n >= most {
		return fault.BusyOf("limits.max_requests_per_identity", int64(n)+1, int64(most), "too many requests of one identity are open")
	}
	if o.open == nil {
		o.open = map[string]int{}
	}
	o.open[owner] = n + 1
	return nil
}

// leave ends what enter began.
func (o *owners) leave(owner string) {
	if owner == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[owner]--; o.open[owner] == 0 {
		delete(o.open, owner)
	}
}
