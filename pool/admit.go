package pool

import (
	"context"
	"fmt"
	"math"
	"sync"
)

// A Grant is the admission of some bytes: a small value, to be released once. The zero Grant admits nothing and may be
// released any number of times.
type Grant struct {
	t   *ticket
	gen uint64
}

// A Standing is the place among those who wait of one who asks again and again, such as a stream: since when it has been
// asking. The zero Standing has not asked yet. It is for one goroutine.
type Standing struct {
	rank uint64 // of the first ticket that was granted; 0: none
}

// Admit waits until n bytes fit the Budget beside what is admitted already, and admits them until the Grant's Release.
// Who waits longest is served first, whatever its n, but for those of AdmitAgain. It is the one place where work waits for memory: call it once, at
// the edge, for all that a piece of work will lease at the same time, each buffer at its ClassSize. When every lease is so
// covered, Get does not run into the Budget. Admit leases nothing itself.
//
// Without a Budget it admits at once. It returns ctx's error, wrapped, when ctx is done first, and at once a *BudgetError
// (ErrBudget) when n exceeds the Budget, and a *SizeError (ErrSize) when n is negative.
func (p *Pool) Admit(ctx context.Context, n int64) (Grant, error) {
	var none Standing
	return p.AdmitAgain(ctx, n, &none)
}

// AdmitAgain is Admit for one with a Standing. Once that has been admitted it goes before all who began to ask later:
// newcomers, however many, get what it leaves. Nobody starves, since of five grants one is for who waits longest. To give
// up its place after a pause is the caller's: a new Standing.
func (p *Pool) AdmitAgain(ctx context.Context, n int64, s *Standing) (Grant, error) {
	a := &p.admission
	switch {
	case n < 0:
		return Grant{}, &SizeError{Got: n, Max: p.limit}
	case n > p.limit:
		return Grant{}, &BudgetError{Want: n, InUse: a.stats().granted, Budget: p.budget}
	case ctx.Err() != nil:
		return Grant{}, admitError(ctx, n)
	}
	t, ok := a.enter(n, s.rank)
	if !ok {
		select {
		case <-t.ready:
		case <-ctx.Done():
			a.abandon(t)
			return Grant{}, admitError(ctx, n)
		}
	}
	s.rank = t.rank
	return Grant{t: t, gen: t.gen}, nil
}

// TryAdmit admits n bytes if that takes no waiting: if they fit, and nobody waits. It is for memory that can be done without.
func (p *Pool) TryAdmit(n int64) (g Grant, ok bool) {
	a := &p.admission
	if n < 0 || n > p.limit {
		return Grant{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first != nil || !a.fits(n) {
		return Grant{}, false
	}
	a.arrivals++
	t := a.take(n, a.arrivals)
	a.granted += n
	return Grant{t: t, gen: t.gen}, true
}

func admitError(ctx context.Context, n int64) error {
	return fmt.Errorf("pool: admission of %d bytes: %w", n, ctx.Err())
}

// Release gives the admitted bytes back. A second Release panics with "pool: Grant released twice".
func (g Grant) Release() {
	if g.t != nil {
		g.t.admission.release(g)
	}
}

// Shrink gives back all but n of the admitted bytes, for work that has released most of what it leased and holds the rest for
// longer. It does nothing when no more than n are admitted, and panics as Release does on a Grant that was released.
func (g Grant) Shrink(n int64) {
	if g.t != nil {
		g.t.admission.shrink(g, max(n, 0))
	}
}

// admission hands out the budget by rank, which is the order of arrival, or of an earlier one.
type admission struct {
	mu        sync.Mutex
	limit     int64
	granted   int64
	waiting   int
	arrivals  uint64  // so far
	first     *ticket // the queue of those who wait, by their arrival
	last      *ticket
	overtaken int     // how often the first has been
	free      *ticket // tickets to be used again, linked by next
}

// maxOvertaken is how many others are granted before the first of the queue. So who waits behind k others is overtaken
// by 4(k+1) at most.
const maxOvertaken = 4

// A ticket is one admission, waiting or granted. Tickets are used again; gen tells their uses apart.
type ticket struct {
	admission  *admission
	gen        uint64
	rank       uint64
	n          int64
	queued     bool
	prev, next *ticket
	ready      chan struct{} // holds one token from the grant until the waiter takes it
}

// enter returns a ticket for n bytes and whether it is granted; if not, it is in the queue. A rank of 0 is that of one
// who arrives.
func (a *admission) enter(n int64, rank uint64) (t *ticket, granted bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.arrivals++; rank == 0 {
		rank = a.arrivals
	}
	t = a.take(n, rank)
	if a.first == nil && a.fits(n) {
		a.granted += n
		return t, true
	}
	a.append(t)
	if a.advance(); t.queued {
		return t, false
	}
	<-t.ready
	return t, true
}

// take returns a ticket that is not in use. a.mu is held.
func (a *admission) take(n int64, rank uint64) *ticket {
	t := a.free
	if t == nil {
		t = &ticket{admission: a, ready: make(chan struct{}, 1)}
	} else {
		a.free = t.next
	}
	*t = ticket{admission: a, gen: t.gen, rank: rank, n: n, ready: t.ready}
	return t
}

// release ends the admission g, and admits those it made room for.
func (a *admission) release(g Grant) {
	a.mu.Lock()
	if g.t.gen != g.gen {
		a.mu.Unlock()
		panic("pool: Grant released twice")
	}
	a.granted -= g.t.n
	a.recycle(g.t)
	a.advance()
	a.mu.Unlock()
}

// shrink leaves n bytes to g, if it has more, and admits those it made room for.
func (a *admission) shrink(g Grant, n int64) {
	a.mu.Lock()
	if g.t.gen != g.gen {
		a.mu.Unlock()
		panic("pool: Grant released twice")
	}
	if g.t.n > n {
		a.granted -= g.t.n - n
		g.t.n = n
		a.advance()
	}
	a.mu.Unlock()
}

// abandon ends the wait of t, whose context is done. The grant may have come at the same moment: then it is given back.
// Either way those behind t may fit now.
func (a *admission) abandon(t *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.queued {
		a.remove(t)
	} else {
		<-t.ready
		a.granted -= t.n
	}
	a.recycle(t)
	a.advance()
}

// advance grants tickets while the next one fits. One that does not is not passed by: else large ones would starve.
func (a *admission) advance() {
	for t := a.next(); t != nil && a.fits(t.n); t = a.next() {
		a.overtaken++
		a.remove(t)
		a.granted += t.n
		t.ready <- struct{}{}
	}
}

// next returns the ticket that is to be granted next, nil when nobody waits: that of the lowest rank, or the first when
// it has been overtaken often enough.
func (a *admission) next() *ticket {
	best := a.first
	if a.overtaken >= maxOvertaken {
		return best
	}
	for t := best; t != nil; t = t.next {
		if t.rank < best.rank {
			best = t
		}
	}
	return best
}

// fits reports whether n more bytes can be granted.
func (a *admission) fits(n int64) bool {
	return a.limit == math.MaxInt64 || a.granted+n <= a.limit
}

// recycle makes every Grant of t stale and keeps t for another use.
func (a *admission) recycle(t *ticket) {
	t.gen++
	t.next, a.free = a.free, t
}

// append puts t at the end of the queue.
func (a *admission) append(t *ticket) {
	t.queued, t.prev = true, a.last
	if a.last == nil {
		a.first = t
	} else {
		a.last.next = t
	}
	a.last = t
	a.waiting++
}

// remove takes t out of the queue.
func (a *admission) remove(t *ticket) {
	if t.prev == nil {
		a.first, a.overtaken = t.next, 0
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		a.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.queued, t.prev, t.next = false, nil, nil
	a.waiting--
}
