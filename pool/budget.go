package pool

import (
	"errors"
	"fmt"
)

var (
	// ErrBudget matches every *BudgetError.
	ErrBudget = errors.New("pool: over budget")
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

// maxPasses bounds reserve when leases change faster than it can scan.
const maxPasses = 64

// reserve leases an idle slab of c if there is one. If not, it makes sure that a new one fits the budget, discarding idle
// slabs of other classes where it must, and returns the zero Buf; or a *BudgetError.
//
// It refuses only when two scans in a row find the same leases, and no lease began or ended in between: then, at a
// moment between the scans, the bytes leased and c.size together did exceed the budget. (Only after maxPasses scans
// that were all disturbed does it refuse without that proof.)
func (p *Pool) reserve(c *class, n int) (Buf, error) {
	size := int64(c.size)
	fits := func() bool { return p.held+size <= p.limit }
	if fits() {
		look := maxLook
		if p.check != nil {
			look = len(c.records) // it is slow anyway, and what a test counts should not depend on the scheduler
		}
		b, _ := c.takeIdle(n, look)
		return b, nil
	}
	var inUse int64
	var before, events uint64
	for range maxPasses {
		if b, ok := c.takeIdle(n, len(c.records)); ok {
			return b, nil
		}
		inUse, events = p.look()
		if inUse+p.elsewhere+size <= p.limit {
			if p.evict(c); fits() {
				return Buf{}, nil
			}
		} else if events == before {
			break
		}
		before = events
	}
	p.refused++
	return Buf{}, &BudgetError{Want: size, InUse: inUse, Budget: p.budget}
}

// look removes the records of dead slabs and returns the bytes leased, and a number that grows with each lease that
// begins or ends.
func (p *Pool) look() (inUse int64, events uint64) {
	for i := range p.classes {
		c := &p.classes[i]
		c.reap()
		n := c.counts()
		inUse += int64(n.gets-n.puts-c.gone[DiscardLost]) * int64(c.size)
		events += n.gets + n.puts
	}
	return inUse, events
}

// evict discards idle slabs of other classes until one of c fits: first those that the floor does not keep, and in the order
// that discards the fewest bytes at the first hit: from c's size up, then from c's size down.
func (p *Pool) evict(c *class) {
	at := classOf(c.size)
	first := at + 1
	if p.noReuse() {
		first = at // reserve did not lease its own class's idle slabs
	}
	for _, pinned := range []bool{false, true} {
		for i := first; i < numClasses; i++ {
			if p.classes[i].evict(pinned, c.size) {
				return
			}
		}
		for i := at - 1; i >= 0; i-- {
			if p.classes[i].evict(pinned, c.size) {
				return
			}
		}
	}
}

// Elsewhere says that n more bytes of the Budget, or fewer for a negative n, are memory that is not the pool's, such as memory
// shared with another process. It discards idle slabs that do not fit beside it. The bytes must be admitted (Admit), so that leases
// do fit.
func (p *Pool) Elsewhere(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elsewhere += n
	p.held += n
	for _, pinned := range []bool{false, true} {
		for i := range p.classes {
			if p.classes[i].evict(pinned, 0) {
				return
			}
		}
	}
}

// evict discards idle slabs of c, those that the floor keeps or the others, until size bytes fit the budget.
func (c *class) evict(pinned bool, size int) (fits bool) {
	p := c.pool
	for i := 0; i < len(c.records) && p.held+int64(size) > p.limit; {
		r := c.records[i]
		if (r.pin != nil) == pinned && r.evict() {
			c.strike(i, DiscardBudget)
		} else {
			i++
		}
	}
	return p.held+int64(size) <= p.limit
}
