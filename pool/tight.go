package pool

import "sync/atomic"

// A pool is tight from the Get that finds no room in the budget, until none has needed to make room for a while; once
// closed, for good. A tight pool
// knows its idle slabs: each lease begins and ends under the lock, and idle slabs are in lists. So a Get that must make room finds
// it without a scan, and one that must be refused is, in a time that does not depend on the number of leases.
//
// Only the Get that makes the pool tight scans the records. A lease that began meanwhile, by a Get that saw the pool as it
// was before, leaves a record in its list that is not idle: what takes records from lists looks at their state. A lease
// that ended meanwhile is seen by the scan, or its Release sees that the pool is tight.
type tight struct {
	on   bool
	idle int64 // bytes of listed slabs: never less than those that are idle
	calm int   // Gets since one had to make room or was refused
}

// minCalm is how many Gets in a row that need no room end the tight state, or one for each slab if there are more slabs: so
// scans are paid for.
const minCalm = 256

// A listing says in which list of its class a record is.
type listing uint8

const (
	unlisted listing = iota
	loose            // class.listed[0]
	kept             // class.listed[1]: by the floor
)

// A list is a list of records, the one that was listed last first.
type list struct{ first, last *record }

// tighten makes the pool tight.
func (p *Pool) tighten() {
	if p.tight.on {
		return
	}
	p.tight.on = true
	for i := range p.classes {
		p.classes[i].tight.Store(true) // before the scan
	}
	for i := range p.classes {
		c := &p.classes[i]
		for _, r := range c.records {
			if r.idle() {
				c.list(r)
			}
		}
	}
}

// relax counts a Get that needed no room, and makes the pool a usual one again after enough of them. What was listed is in
// its sync.Pool too, or is found through its record.
func (p *Pool) relax() {
	if p.tight.calm++; p.tight.calm < max(minCalm, p.slabs) || p.held > p.limit {
		return
	}
	for i := range p.classes {
		c := &p.classes[i]
		for j := range c.listed {
			for c.listed[j].first != nil {
				c.unlist(c.listed[j].first)
			}
		}
		c.tight.Store(false)
	}
	p.tight = tight{}
}

// ended lists s, whose lease has just ended in a tight pool, and reports whether it still has its memory: not if the budget has
// no room for it.
func (p *Pool) ended(s *slab) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, c := s.record, s.class
	if !p.tight.on || !r.idle() {
		return true
	}
	switch {
	case p.closed && r.evict():
		c.strike(r, DiscardTrimmed)
		return false
	case p.held > p.limit && r.evict():
		c.strike(r, DiscardBudget)
		return false
	}
	c.list(r)
	return true
}

// idle reports whether nobody has leased the slab of r.
func (r *record) idle() bool { return atomic.LoadUint64(&r.state)&holderMask == 0 }

// list adds r to its list, unless it is in one.
func (c *class) list(r *record) {
	if r.in != unlisted {
		return
	}
	r.in = loose
	if r.pin != nil {
		r.in = kept
	}
	l := &c.listed[r.in-1]
	r.next, r.prev = l.first, nil
	if l.first == nil {
		l.last = r
	} else {
		l.first.prev = r
	}
	l.first = r
	c.pool.tight.idle += int64(c.size)
}

// unlist takes r out of its list, if it is in one.
func (c *class) unlist(r *record) {
	if r.in == unlisted {
		return
	}
	l := &c.listed[r.in-1]
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.next, r.prev, r.in = nil, nil, unlisted
	c.pool.tight.idle -= int64(c.size)
}

// relist puts r, whose pin has changed, into the other list, if it is in one.
func (c *class) relist(r *record) {
	if r.in != unlisted {
		c.unlist(r)
		c.list(r)
	}
}

// takeListed leases an idle slab of c, if there is one. It looks into sync.Pool first, to which each Release adds also in
// a tight pool, so that what is there does not add up.
func (c *class) takeListed(n int) (Buf, bool) {
	p := c.pool
	if p.noReuse() {
		return Buf{}, false
	}
	pooled := &c.idle
	if p.check != nil {
		pooled = &p.check.idle[classOf(c.size)]
	}
	for s, _ := pooled.Get().(*slab); s != nil; s, _ = pooled.Get().(*slab) {
		if b, ok := s.claim(n); ok {
			c.unlist(s.record)
			return b, true
		}
	}
	for i := range c.listed {
		for r := c.listed[i].first; r != nil; r = c.listed[i].first {
			c.unlist(r)
			if s := r.slab.Value(); s == nil {
				c.reapOne(r)
			} else if b, ok := s.claim(n); ok {
				return b, true
			}
		}
	}
	return Buf{}, false
}

// A cursor is a place in the records of all classes.
type cursor struct{ class, record int }

// glance removes those of the next records whose slabs the collector freed, such as leases without a Release. A refused Get
// looks at some, so that all are looked at in turn.
func (p *Pool) glance() {
	left, at := maxLook, &p.glanced
	for range numClasses + 1 {
		c := &p.classes[at.class]
		for ; left > 0 && at.record < len(c.records); left-- {
			if !c.reapOne(c.records[at.record]) {
				at.record++
			}
		}
		if left == 0 {
			return
		}
		*at = cursor{class: (at.class + 1) % numClasses}
	}
}
