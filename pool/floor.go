package pool

import (
	"sync/atomic"
	"time"
	"weak"
)

// The floor: sync.Pool is emptied by two collections, so the pool also refers directly to some slabs, up to Options.Floor
// bytes. A pinned slab is leased and released like any other, at no cost; when a collection has emptied sync.Pool, the next
// Get finds it through its record.

// pin makes the floor keep s, a slab just made, if there is room for it or if other classes have more than their share.
// The share is max-min fair in bytes: c takes from the class that has most, as long as that one is left with no less than
// c then has. So a class that was busy once cannot keep the floor from those that miss now, and one without competitors
// may fill it.
func (p *Pool) pin(c *class, r *record, s *slab) {
	size := int64(c.size)
	share := c.pinned + size
	if p.pinned+size-p.spare(share) > p.floor {
		return
	}
	for p.pinned+size > p.floor {
		p.donor(share).unpinOne()
	}
	r.pin = s
	c.pinned += size
	p.pinned += size
	c.relist(r)
}

// spare returns how many pinned bytes all classes can give up such that each keeps at least share.
func (p *Pool) spare(share int64) (sum int64) {
	for i := range p.classes {
		c := &p.classes[i]
		if over := c.pinned - share; over > 0 {
			sum += over - over%int64(c.size)
		}
	}
	return sum
}

// donor returns the class with the most pinned bytes of those that can give up a slab and keep at least share, nil if there
// is none.
func (p *Pool) donor(share int64) (most *class) {
	for i := range p.classes {
		c := &p.classes[i]
		if c.pinned-int64(c.size) >= share && (most == nil || c.pinned > most.pinned) {
			most = c
		}
	}
	return most
}

// unpinOne takes one slab of c, which must have one, out of the floor.
func (c *class) unpinOne() {
	for _, r := range c.records {
		if r.pin != nil {
			c.unpin(r)
			return
		}
	}
}

// unpin takes r's slab out of the floor, if it is there.
func (c *class) unpin(r *record) {
	if r.pin == nil {
		return
	}
	r.pin = nil
	c.pinned -= int64(c.size)
	c.pool.pinned -= int64(c.size)
	c.relist(r)
}

// startDecay makes the floor decay, if it is to and does not yet. The timer does not keep the pool from the collector.
func (p *Pool) startDecay() {
	if p.options.HalfLife == 0 || p.decaying != nil || p.closed {
		return
	}
	pool := weak.Make(p)
	p.decaying = time.AfterFunc(p.options.HalfLife, func() {
		if p := pool.Value(); p != nil {
			p.decay()
			p.check.flush()
		}
	})
}

// decay takes half of what was not used since the last decay out of the floor, and pins what was used. It goes on while
// there are slabs.
func (p *Pool) decay() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.classes {
		c := &p.classes[i]
		c.reap()
		c.unpinHalf()
	}
	for i := range p.classes {
		c := &p.classes[i]
		for _, r := range c.records {
			if r.used() && r.pin == nil {
				if s := r.slab.Value(); s != nil {
					p.pin(c, r, s)
				}
			}
			r.seen = atomic.LoadUint64(&r.state)
		}
	}
	if p.decaying != nil && p.slabs > 0 {
		p.decaying.Reset(p.options.HalfLife)
	} else {
		p.decaying = nil
	}
}

// used reports whether the slab was leased since the last decay.
func (r *record) used() bool {
	return atomic.LoadUint64(&r.state) != r.seen || !r.idle()
}

// unpinHalf takes half of the slabs that were not used since the last decay out of the floor.
func (c *class) unpinHalf() {
	unused := 0
	for _, r := range c.records {
		if r.pin != nil && !r.used() {
			unused++
		}
	}
	left := (unused + 1) / 2
	for _, r := range c.records {
		if left > 0 && r.pin != nil && !r.used() {
			c.unpin(r)
			left--
		}
	}
}
