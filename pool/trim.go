package pool

import (
	"math"
	"sync/atomic"
)

// Trim discards all idle buffers, those that the Floor keeps too, and returns how many bytes they had. Leases go on. The
// collector frees the memory in its next cycle, and the Go runtime gives it back to the system in the background;
// runtime/debug.FreeOSMemory does both at once.
func (p *Pool) Trim() int64 {
	defer p.check.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trim()
}

// trim is Trim with the lock held.
func (p *Pool) trim() (bytes int64) {
	for i := range p.classes {
		c := &p.classes[i]
		for j := 0; j < len(c.records); {
			if r := c.records[j]; r.evict() {
				c.strike(r, DiscardTrimmed)
				bytes += int64(c.size)
			} else {
				j++
			}
		}
	}
	return bytes
}

// Unused returns the bytes of idle buffers that were not leased since the last call, without those that the Floor keeps: what two
// collections would free, and nobody would miss. It is for one caller that looks at intervals. It reads one word for each slab that
// lives, and allocates nothing.
func (p *Pool) Unused() (bytes int64) {
	defer p.check.flush() // what is learned here of lost leases
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.classes {
		c := &p.classes[i]
		c.reap()
		for _, r := range c.records {
			state := atomic.LoadUint64(&r.state)
			generation := uint16(state >> holderBits) // Others would need 65,536 leases between two looks to be taken for the same.
			if generation == r.looked && state&holderMask == 0 && r.pin == nil {
				bytes += int64(c.size)
			}
			r.looked = generation
		}
	}
	return bytes
}

// SetBudget changes the Budget; 0: no bound. Idle buffers beyond it are discarded at once, leased ones with their Release:
// until then the pool may hold more, and no Get makes a buffer. Calls of Admit that wait for more than all of it return a
// *BudgetError. It panics when budget is negative.
func (p *Pool) SetBudget(budget int64) {
	if budget < 0 {
		panic("pool: SetBudget of a negative number")
	}
	defer p.check.flush()
	p.mu.Lock()
	p.budget, p.limit = budget, budget
	if budget == 0 {
		p.limit = math.MaxInt64
	}
	p.floor = min(p.options.Floor, p.limit)
	for p.pinned > p.floor {
		p.donor(0).unpinOne()
	}
	p.fit()
	limit := p.limit
	p.mu.Unlock()
	p.admission.set(limit, min(p.options.Reserve, budget/2))
}

// Close discards all idle buffers, and each leased one with its Release. Get and Admit return ErrClosed from then on, also
// those calls of Admit that wait. A second Close does nothing. A Pool that is dropped needs no Close.
func (p *Pool) Close() {
	defer p.check.flush()
	p.mu.Lock()
	p.closed = true
	p.tighten() // so that each Get and Release comes to see it
	p.trim()
	if p.decaying != nil {
		p.decaying.Stop()
		p.decaying = nil
	}
	p.mu.Unlock()
	p.admission.close()
}
