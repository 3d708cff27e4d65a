package pool

// Stats is the state of a pool. Read while the pool is busy, each class is consistent in itself; read at rest, all is exact.
type Stats struct {
	Classes  []ClassStats // the classes in use so far, by size
	InUse    int64        // bytes leased, at the classes' sizes
	Idle     int64        // bytes held and not leased
	Pinned   int64        // bytes, of both, that the floor keeps through collections
	Budget   int64        // as in Options, or as SetBudget set it
	Floor    int64        // as in Options, at most Budget
	Refused  uint64       // Gets that ended in ErrBudget
	Admitted int64        // bytes admitted by Admit and not yet released
	Waiting  int          // calls of Admit that wait
}

// ClassStats counts one size class, since the pool was made. Always
//
//	Gets   == Puts + InUse + Discards[DiscardLost]
//	Misses == InUse + Idle + the sum of Discards
type ClassStats struct {
	Size     int      // bytes of a slab
	Gets     uint64   // leases begun, also those of Prewarm
	Puts     uint64   // leases ended: last Releases
	Misses   uint64   // slabs made: Gets that found none idle
	Discards Discards // slabs that ended, by reason
	InUse    int64    // slabs leased
	Idle     int64    // slabs held and not leased
}

// Bytes returns what the class holds, leased and idle.
func (s ClassStats) Bytes() int64 { return (s.InUse + s.Idle) * int64(s.Size) }

// A DiscardReason says why a slab ended.
type DiscardReason int

const (
	// DiscardCollected: it was idle for two garbage collections and not part of the floor.
	DiscardCollected DiscardReason = iota
	// DiscardBudget: it was idle, and another class needed its share of the budget.
	DiscardBudget
	// DiscardTrimmed: it was idle at a Trim, or the pool was closed.
	DiscardTrimmed
	// DiscardLost: it was leased, and the collector freed it, since its Buf was unreachable: a Release is missing.
	DiscardLost

	numDiscardReasons
)

// String returns "collected", "budget", "trimmed" or "lost".
func (r DiscardReason) String() string {
	switch r {
	case DiscardCollected:
		return "collected"
	case DiscardBudget:
		return "budget"
	case DiscardTrimmed:
		return "trimmed"
	case DiscardLost:
		return "lost"
	}
	return "unknown"
}

// Discards counts ended slabs, indexed by DiscardReason.
type Discards [numDiscardReasons]uint64

// Total returns the sum over all reasons.
func (d Discards) Total() (sum uint64) {
	for _, n := range d {
		sum += n
	}
	return sum
}

// Stats counts. It reads one word for each slab that lives, and allocates the slice of classes alone.
func (p *Pool) Stats() Stats {
	defer p.check.flush() // what is learned here of lost leases
	a := p.admission.stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	used := 0
	for i := range p.classes {
		if p.classes[i].misses > 0 {
			used++
		}
	}
	s := Stats{
		Classes: make([]ClassStats, 0, used),
		Pinned:  p.pinned, Budget: p.budget, Floor: p.floor, Refused: p.refused,
		Admitted: a.granted, Waiting: a.waiting,
	}
	for i := range p.classes {
		c := &p.classes[i]
		if c.misses == 0 {
			continue
		}
		cs := c.stats()
		s.Classes = append(s.Classes, cs)
		s.InUse += cs.InUse * int64(cs.Size)
		s.Idle += cs.Idle * int64(cs.Size)
	}
	return s
}

// stats counts one class.
func (c *class) stats() ClassStats {
	c.reap()
	n := c.counts()
	inUse := int64(n.gets - n.puts - c.gone[DiscardLost])
	return ClassStats{
		Size: c.size,
		Gets: n.gets, Puts: n.puts, Misses: c.misses, Discards: c.gone,
		InUse: inUse, Idle: int64(len(c.records)) - inUse,
	}
}

// admissionStats is what Stats says of Admit.
type admissionStats struct {
	granted, limit int64
	waiting        int
}

func (a *admission) stats() admissionStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return admissionStats{granted: a.granted, limit: a.limit, waiting: a.waiting()}
}
