package live

import (
	"sync"

	"github.com/steadyframe/steadyframe/pool"
)

// reserveStep is the least that a reserve grows by, so that it asks seldom.
const reserveStep = 1 << 20

// reserve is admitted memory for as many bytes as are held elsewhere. Its methods may be called from any goroutine.
type reserve struct {
	pool *pool.Pool

	mu     sync.Mutex
	closed bool
	grants []pool.Grant
	sizes  []int64 // of the grants
	bytes  int64   // of all of them
}

// resize makes the reserve n bytes, or a little more, and reports whether there was enough memory. If not, it stays as it
// was. It never waits, and takes no memory while others wait for some.
func (r *reserve) resize(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return true
	}
	for last := len(r.grants) - 1; last >= 0 && r.bytes-r.sizes[last] >= n; last-- {
		r.shrink(last)
	}
	more := n - r.bytes
	if more <= 0 {
		return true
	}
	return r.grow(max(more, reserveStep)) || r.grow(more)
}

// grow adds n bytes, if there are so many.
func (r *reserve) grow(n int64) bool {
	g, ok := r.pool.TryAdmit(n)
	if ok {
		r.grants, r.sizes = append(r.grants, g), append(r.sizes, n)
		r.bytes += n
	}
	return ok
}

// shrink releases the last grant.
func (r *reserve) shrink(last int) {
	r.grants[last].Release()
	r.bytes -= r.sizes[last]
	r.grants, r.sizes = r.grants[:last], r.sizes[:last]
}

// close releases all memory, and admits no more.
func (r *reserve) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for last := len(r.grants) - 1; last >= 0; last-- {
		r.shrink(last)
	}
}
