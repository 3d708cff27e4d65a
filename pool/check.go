package pool

import (
	"sync"
	"sync/atomic"
)

// Check makes a Pool find misuse of its buffers. Each handle, from Get or Retain, then needs a Release of its own, and
// idle memory is filled with 0xDB, so that a write through a kept slice is found, and a read through one shows no image:
//
//   - use of a handle after its Release, and a second Release, panic with a *Misuse, also while others hold the buffer;
//   - a write after Release is found when the buffer is leased again, discarded, or looked at by Audit;
//   - a lease that the collector freed, or that is open at an Audit, is a leak.
//
// A fresh buffer is filled too: in a checked pool a lease always begins as 0xDB. The zero Check is ready to use.
type Check struct {
	// Leaks says for which leases leaks are reported and the stacks of Get and Retain kept, for the report of any misuse.
	Leaks LeakLevel
	// NoReuse keeps each buffer from being leased again, so that no later lease can hide or suffer a late write. Buffers then
	// stay idle until the Budget needs their room; only those that the Floor keeps are sure to be checked.
	NoReuse bool
	// Report is called with each misuse, from any goroutine; before the panic where there is one. It must not use the Pool.
	// nil: a write after Release panics in the Get that finds it; leaks, and writes found elsewhere, are written to standard
	// error, those of the same stacks once.
	Report func(*Misuse)
	// Fault is called by each Get with its n, from any goroutine; an error that it returns is Get's. It may panic. nil: none.
	// pooltest makes such functions.
	Fault func(n int) error
}

// A LeakLevel says which leases are watched for leaks.
type LeakLevel int

const (
	// LeaksAll watches every lease.
	LeaksAll LeakLevel = iota
	// LeaksSampled watches one lease in 128, where the stacks of all would cost too much.
	LeaksSampled
	// LeaksOff watches none. Misuse of handles is still found, and reported without the stacks of Get and Retain.
	LeaksOff
)

// sampleEvery is the rate of LeaksSampled: it watches one lease in 128.
const sampleEvery = 128

// Audit checks the buffers of a checked pool at rest, and returns a Misuse for each lease that is open and watched, and for each idle
// buffer that was written after its Release. It returns nil for a pool that is not checked.
func (p *Pool) Audit() []*Misuse {
	if p.check == nil {
		return nil
	}
	defer p.check.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*Misuse
	for i := range p.classes {
		c := &p.classes[i]
		c.reap()
		for _, r := range c.records {
			if m := r.audit(); m != nil {
				found = append(found, m)
			}
		}
	}
	return found
}

// audit returns what is wrong with the slab of r: a leak when it is leased, a late write when it is idle.
func (r *record) audit() *Misuse {
	idle := atomic.LoadUint64(&r.state)
	if idle&holderMask != 0 {
		return r.ledger.leak(msgOpen)
	}
	s := r.slab.Value()
	if s == nil || !atomic.CompareAndSwapUint64(&r.state, idle, idle|evicted) { // so that no Get leases it meanwhile
		return nil
	}
	defer atomic.StoreUint64(&r.state, idle)
	return r.ledger.verify(s.mem)
}

// noReuse reports whether idle slabs are not to be leased again.
func (p *Pool) noReuse() bool { return p.check != nil && p.check.NoReuse }

// A checker is the state that only a checked Pool has.
type checker struct {
	Check
	idle   [numClasses]sync.Pool // of *slab: class.idle for a checked pool, so that each Get comes through here
	leases atomic.Uint64         // begun, for sampling

	mu      sync.Mutex
	pending []suspect       // found under Pool.mu, to be looked at and reported without it
	printed map[string]bool // what was written to standard error, which is written once
}

// newChecker returns the checker for Options.Check, nil when the pool is not to be checked.
func newChecker(o *Check) *checker {
	switch {
	case o != nil:
		return &checker{Check: *o}
	case everyPool:
		return &checker{}
	}
	return nil
}

// get is Pool.Get of a checked pool, for n bytes of class c.
func (k *checker) get(c *class, n int) (Buf, error) {
	defer k.flush()
	if k.Fault != nil {
		if err := k.Fault(n); err != nil {
			return Buf{}, err
		}
	}
	var b Buf
	ok := false
	if !c.tight.Load() {
		b, ok = k.takeIdle(c, n)
	}
	if !ok {
		var err error
		if b, err = c.pool.obtain(c, n); err != nil {
			return Buf{}, err
		}
	}
	b, late := b.s.record.ledger.begin(b.s)
	if late != nil {
		if k.Report == nil {
			b.Release()
			panic(late)
		}
		k.Report(late)
	}
	return b, nil
}

func (k *checker) takeIdle(c *class, n int) (Buf, bool) {
	idle := &k.idle[classOf(c.size)]
	for s, _ := idle.Get().(*slab); s != nil; s, _ = idle.Get().(*slab) {
		if b, ok := s.claim(n); ok {
			return b, true
		}
	}
	return Buf{}, false
}

// put returns s, which is idle now, to its class.
func (k *checker) put(s *slab) {
	if s.class.tight.Load() && !s.class.pool.ended(s) {
		k.flush()
		return
	}
	if !k.NoReuse {
		k.idle[classOf(s.class.size)].Put(s)
	}
}

// watch reports whether the stacks of a lease that begins now are to be kept.
func (k *checker) watch() bool {
	switch k.Leaks {
	case LeaksAll:
		return true
	case LeaksSampled:
		return k.leases.Add(1)%sampleEvery == 1
	}
	return false
}

// A suspect is a slab that has ended: what it was discarded with, or nothing when its lease was lost.
type suspect struct {
	ledger *ledger
	mem    []byte // nil: lost
}

// later keeps s until flush.
func (k *checker) later(s suspect) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pending = append(k.pending, s)
}

// misuse returns what is to be reported of s, nil if nothing.
func (s suspect) misuse() *Misuse {
	if s.mem == nil {
		return s.ledger.leak(msgLost)
	}
	return s.ledger.verify(s.mem)
}

// flush reports what later kept. Pool.mu must not be held. A nil checker has nothing.
func (k *checker) flush() {
	if k == nil {
		return
	}
	k.mu.Lock()
	pending := k.pending
	k.pending = nil
	k.mu.Unlock()
	for _, s := range pending {
		switch m := s.misuse(); {
		case m == nil:
		case k.Report != nil:
			k.Report(m)
		default:
			k.print(m.Error())
		}
	}
}

// print writes text to standard error, the first time.
func (k *checker) print(text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.printed[text] {
		return
	}
	if k.printed == nil {
		k.printed = map[string]bool{}
	}
	k.printed[text] = true
	print(text, "\n")
}

// refuse reports m, the misuse of a handle, and panics with it.
func (k *checker) refuse(m *Misuse) {
	if k.Report != nil {
		k.Report(m)
	}
	panic(m)
}
