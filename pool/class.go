package pool

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Size classes: 4 KiB, and from there four for each doubling, evenly spaced, up to 256 MiB:
//
//	4096  5120 6144 7168 8192  10240 12288 14336 16384 ... 268435456
//
// A class is at most 5/4 of the one below it, so a buffer above 4 KiB wastes less than a quarter of what was asked
// (a fifth of what is held); a power-of-two pool wastes up to all of it. docs/adr/0004 has the reasons.
const (
	MinSize = 4 << 10   // MinSize is the smallest class: what Get(0) leases.
	MaxSize = 256 << 20 // MaxSize is the largest n that Get takes.

	minShift   = 12 // log2 MinSize
	maxShift   = 28 // log2 MaxSize
	numClasses = 4*(maxShift-minShift) + 1
)

// ClassSize returns how many bytes a lease of n bytes takes from the Budget: the size of the smallest class that n fits.
// It returns 0 when n is negative or above MaxSize, for which Get returns an error.
func ClassSize(n int) int {
	if uint(n) > MaxSize {
		return 0
	}
	return classSize(classOf(n))
}

// classOf returns the index of the smallest class of at least n bytes, 0 <= n <= MaxSize. Above MinSize, the length of n-1
// in bits tells the doubling, and the two bits below its highest one tell the quarter:
//
//	n = 4097:    n-1 = 4096 = 0b1_00_0000000000, 13 bits, quarter 0: class 1, 5120 bytes
//	n = 691200:  n-1 = 691199 = 0b1_01_01000101111111111, 20 bits, quarter 1: class 4*7+1+1 = 30, 786432 bytes
//	n = 3110400: n-1 = 0b1_01_1110111010111111111, 22 bits, quarter 1: class 4*9+1+1 = 38, 3145728 bytes (I420 of 1080p)
func classOf(n int) int {
	if n <= MinSize {
		return 0
	}
	length := bits.Len(uint(n - 1))
	quarter := (n - 1) >> (length - 3) & 3
	return 4*(length-minShift-1) + quarter + 1
}

// classSize is the size in bytes of class i, the inverse of classOf.
func classSize(i int) int {
	if i == 0 {
		return MinSize
	}
	doubling, quarter := (i-1)/4, (i-1)%4
	return (5 + quarter) << (doubling + minShift - 2)
}

// A class is the slabs of one size.
type class struct {
	idle  sync.Pool   // of *slab, some of them no longer idle: claim tells. Empty when the pool is checked.
	tight atomic.Bool // pool.tight.on, where hits see it
	pool  *Pool
	size  int

	// Guarded by pool.mu.
	records []*record // one for each slab, in no order
	listed  [2]list   // while the pool is tight, those that are idle: without those that the floor keeps, and these
	at      int       // the record that takeIdle looked at last
	pinned  int64     // bytes of this class's slabs that the floor refers to
	past    counts    // of slabs that have ended
	misses  uint64    // slabs made
	gone    Discards
}

// counts are the leases begun and ended of some slabs.
type counts struct{ gets, puts uint64 }

// maxLook bounds the records that a Get looks at while there is budget for another slab, so that a class may grow to any number
// of leases. A class of no more slabs never misses while one of them is idle.
const maxLook = 64

// takeIdle leases an idle slab of c, if there is one among the next records, as many as given, which it visits in turn.
func (c *class) takeIdle(n, records int) (Buf, bool) {
	if c.pool.noReuse() {
		return Buf{}, false
	}
	for range min(records, len(c.records)) {
		c.at = (c.at + 1) % len(c.records)
		r := c.records[c.at]
		if atomic.LoadUint64(&r.state)&holderMask != 0 {
			continue
		}
		if s := r.slab.Value(); s != nil {
			if b, ok := s.claim(n); ok {
				return b, true
			}
		}
	}
	return Buf{}, false
}

// newRecord adds the record of a slab that is about to be made, leased to one holder.
func (c *class) newRecord() *record {
	if len(c.records) == cap(c.records) {
		c.reap()                                               // so that the records of dead slabs do not add up
		c.records = slices.Grow(c.records, len(c.records)/2+1) // the next reap is as many misses away
	}
	r := &record{state: 1, at: int32(len(c.records))}
	if c.pool.check != nil {
		r.ledger = &ledger{check: c.pool.check, size: c.size}
	}
	c.records = append(c.records, r)
	c.pool.slabs++
	c.misses++
	return r
}

// reap removes the records whose slabs the collector freed.
func (c *class) reap() {
	for i := 0; i < len(c.records); {
		if !c.reapOne(c.records[i]) {
			i++
		}
	}
}

// reapOne removes r if the collector freed its slab.
func (c *class) reapOne(r *record) bool {
	if !r.dead() {
		return false
	}
	if atomic.LoadUint64(&r.state)&holderMask == 0 {
		c.strike(r, DiscardCollected)
	} else {
		c.strike(r, DiscardLost)
	}
	return true
}

// strike removes r, whose slab has ended.
func (c *class) strike(r *record, why DiscardReason) {
	n := r.counts()
	c.past.gets += n.gets
	c.past.puts += n.puts
	c.gone[why]++
	c.pool.held -= int64(c.size)
	c.pool.slabs--
	c.unlist(r)
	c.unpin(r)
	if why == DiscardLost && r.ledger != nil {
		r.ledger.lose()
	}
	last := len(c.records) - 1
	c.records[r.at] = c.records[last]
	c.records[r.at].at = r.at
	c.records[last] = nil
	c.records = c.records[:last]
}

// counts returns the leases begun and ended since the pool was made.
func (c *class) counts() counts {
	sum := c.past
	for _, r := range c.records {
		n := r.counts()
		sum.gets += n.gets
		sum.puts += n.puts
	}
	return sum
}
