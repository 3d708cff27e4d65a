package pool

import (
	"errors"
	"fmt"
)

var (
	// ErrBudget matches every *BudgetError.
	ErrBudget = errors.New("pool: over budget")
	// ErrClosed is the error of Get and Admit after Close.
	ErrClosed = errors.New("pool: closed")
	// ErrSize matches every *SizeError.
	ErrSize = errors.New("pool: size out of range")
)

// A BudgetError says that memory was refused. errors.Is(err, ErrBudget) holds.
type BudgetError struct {
	Want   int64 // bytes asked for: by Get the size of the class, by Admit as given
	InUse  int64 // bytes leased then; for Admit, bytes admitted
	Budget int64
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("pool: over budget: got a request for %d bytes with %d in use, want at most %d together",
		e.Want, e.InUse, e.Budget)
}

// Is reports whether target is ErrBudget.
func (e *BudgetError) Is(target error) bool { return target == ErrBudget }

// A SizeError says that no buffer can have the size asked for. errors.Is(err, ErrSize) holds.
type SizeError struct{ Got, Max int64 }

func (e *SizeError) Error() string {
	return fmt.Sprintf("pool: size out of range: got %d bytes, want 0 to %d", e.Got, e.Max)
}

// Is reports whether target is ErrSize.
func (e *SizeError) Is(target error) bool { return target == ErrSize }

// reserve leases an idle slab of c if there is one. If not, it makes sure that a new one fits the budget, discarding idle
// slabs of other classes where it must, and returns the zero Buf; or a *BudgetError.
func (p *Pool) reserve(c *class, n int) (Buf, error) {
	size := int64(c.size)
	if p.closed {
		return Buf{}, ErrClosed
	}
	if !p.tight.on {
		if p.held+size <= p.limit {
			look := maxLook
			if p.check != nil {
				look = len(c.records) // it is slow anyway, and what a test counts should not depend on the scheduler
			}
			b, _ := c.takeIdle(n, look)
			return b, nil
		}
		p.tighten()
	}
	if b, ok := c.takeListed(n); ok {
		p.relax()
		return b, nil
	}
	if p.held+size <= p.limit {
		p.relax()
		return Buf{}, nil
	}
	p.tight.calm = 0
	if p.evict(c) {
		return Buf{}, nil
	}
	if p.glance(); p.evict(c) {
		return Buf{}, nil
	}
	p.refused++
	return Buf{}, &BudgetError{Want: size, InUse: p.held - p.elsewhere - p.tight.idle, Budget: p.budget}
}

// evict discards idle slabs of other classes until one of c fits, if that is possible: first those that the floor does not
// keep, and in the order that discards the fewest bytes at the first hit: from c's size up, then from c's size down.
func (p *Pool) evict(c *class) (fits bool) {
	size := int64(c.size)
	if p.held+size-p.tight.idle > p.limit {
		return false
	}
	at := classOf(c.size)
	first := at + 1
	if p.noReuse() {
		first = at // reserve did not lease its own class's idle slabs
	}
	for _, which := range []listing{loose, kept} {
		for i := first; i < numClasses; i++ {
			if p.classes[i].evict(which, size) {
				return true
			}
		}
		for i := at - 1; i >= 0; i-- {
			if p.classes[i].evict(which, size) {
				return true
			}
		}
	}
	return p.held+size <= p.limit
}

// Elsewhere says that n more bytes of the Budget, or fewer for a negative n, are memory that is not the pool's, such as memory
// shared with another process. It discards idle slabs that do not fit beside it. The bytes must be admitted (Admit), so that leases
// do fit.
func (p *Pool) Elsewhere(n int64) {
	defer p.check.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elsewhere += n
	p.held += n
	p.fit()
}

// fit discards idle slabs while there are more bytes than the limit.
func (p *Pool) fit() {
	if p.held <= p.limit {
		return
	}
	p.tighten()
	for _, which := range []listing{loose, kept} {
		for i := range p.classes {
			if p.classes[i].evict(which, 0) {
				return
			}
		}
	}
}

// evict discards listed slabs of c until size bytes fit the budget. Those that are not idle any more leave the list.
func (c *class) evict(which listing, size int64) (fits bool) {
	p := c.pool
	for l := &c.listed[which-1]; l.first != nil && p.held+size > p.limit; {
		r := l.last
		c.unlist(r)
		if r.evict() {
			c.strike(r, DiscardBudget)
		} else {
			c.reapOne(r)
		}
	}
	return p.held+size <= p.limit
}
