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

// Admit waits until n bytes fit the Budget beside what is admitted already, and admits them until the Grant's Release.
// Who waits longest is served first, whatever its n. It is the one place where work waits for memory: call it once, at
// the edge, for all that a piece of work will lease at the same time, each buffer at its ClassSize. When every lease is so
// covered, Get does not run into the Budget. Admit leases nothing itself.
//
// Without a Budget it admits at once. It returns ctx's error, wrapped, when ctx is done first, and at once a *BudgetError
// (ErrBudget) when n exceeds the Budget, and a *SizeError (ErrSize) when n is negative.
func (p *Pool) Admit(ctx context.Context, n int64) (Grant, error) {
	a := &p.admission
	switch {
	case n < 0:
		return Grant{}, &SizeError{Got: n, Max: p.limit}
	case n > p.limit:
		return Grant{}, &BudgetError{Want: n, InUse: a.stats().granted, Budget: p.budget}
	case ctx.Err() != nil:
		return Grant{}, admitError(ctx, n)
	}
	t, ok := a.enter(n)
	if !ok {
		select {
		case <-t.ready:
		case <-ctx.Done():
			a.abandon(t)
			return Grant{}, admitError(ctx, n)
		}
	}
	return Grant{t: t, gen: t.gen}, nil
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

// admission hands out the budget in the order of arrival.
type admission struct {
	mu      sync.Mutex
	limit   int64
	granted int64
	waiting int
	first   *ticket // the queue of those who wait
	last    *ticket
	free    *ticket // tickets to be used again, linked by next
}

// A ticket is one admission, waiting or granted. Tickets are used again; gen tells their uses apart.
type ticket struct {
	admission  *admission
	gen        uint64
	n          int64
	queued     bool
	prev, next *ticket
	ready      chan struct{} // holds one token from the grant until the waiter takes it
}

// enter returns a ticket for n bytes and whether it is granted; if not, it is in the queue.
func (a *admission) enter(n int64) (t *ticket, granted bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t = a.free
	if t == nil {
		t = &ticket{admission: a, ready: make(chan struct{}, 1)}
	} else {
		a.free = t.next
	}
	*t = ticket{admission: a, gen: t.gen, n: n, ready: t.ready}
	if a.first == nil && a.fits(n) {
		a.granted += n
		return t, true
	}
	a.append(t)
	return t, false
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

// advance grants tickets from the head of the queue while they fit.
func (a *admission) advance() {
	for t := a.first; t != nil && a.fits(t.n); t = a.first {
		a.remove(t)
		a.granted += t.n
		t.ready <- struct{}{}
	}
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
		a.first = t.next
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
