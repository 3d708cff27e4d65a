// Package pool lends large byte buffers again and again, so that a steady stream of frames causes no allocation, no
// zeroing and no page faults, and so that the memory held stays within a stated budget.
//
// It is not for small buffers: less than 4 KiB leases 4 KiB, and a lease costs as much as an allocation of some hundred bytes. For
// small things use sync.Pool, or [Of].
//
// A [Pool] keeps one [sync.Pool] for each of 65 size classes. [Pool.Get] leases a [Buf], a 16-byte handle to be passed
// by value; [Buf.Release] gives the memory back. A handle carries the generation of its lease: a use
// after the release panics, also when the memory has a new owner by then. The memory is dirty: a lease begins with the
// bytes of the last one.
//
//	b, err := p.Get(n)
//	if err != nil {
//		return err
//	}
//	defer b.Release()
//
// [Options] bounds the memory (Budget) and keeps some of it through garbage collections (Floor). [Pool.Admit] is where
// work waits for memory; Get itself never waits. [Of] is the same idea for typed scratch, [Builder] gathers bytes of unknown number,
// and [Slices] is for code that wants *[]byte, such as grpc-go.
//
// [Check], which -tags poolcheck and package pooltest turn on, makes a Pool find misuse and say where it happened.
//
// docs/pooling.md is the manual; docs/adr/0001 to 0004 and 0014 give the reasons.
package pool

import (
	"sync"
	"time"
)

// Options configures a Pool. The zero value bounds nothing, holds nothing through a collection and aligns to 64 bytes.
type Options struct {
	// Budget bounds the bytes of all slabs, leased and idle together, each at its class's size. 0: no bound.
	// Not counted: the pool's own headers, what an Align above 64 adds (Align-1 bytes a slab), and the memory of slabs
	// that are discarded but not yet swept by the collector.
	Budget int64
	// Floor is how many bytes of slabs, at most, the pool refers to strongly, so that they outlive an idle time; see
	// docs/pooling.md. A Floor above the Budget counts as the Budget. 0: idle slabs live for two collections.
	Floor int64
	// HalfLife lets the Floor follow use: each time it passes, half of the buffers of a size that the Floor keeps, and that were
	// not leased since the last time, are left to the collector, and those that were leased take their room. 0: the Floor
	// keeps what it has.
	HalfLife time.Duration
	// Reserve is the part of the Budget that Admit keeps for callers that ask for little: at most a quarter of it each. While
	// those that ask for more wait, or hold what they were admitted for, the others find room. 0: none. It is at most half
	// of the Budget.
	Reserve int64
	// Align is the alignment of each buffer's first byte: a power of two up to 4096. 0: 64, a cache line and an AVX-512
	// register.
	Align int
	// Check makes the pool find and report misuse, for tests and for debugging; see docs/pooling.md. nil: it does not,
	// unless the program was built with -tags poolcheck, where it stands for the zero Check. New copies it.
	Check *Check
}

const (
	defaultAlign = 64
	maxAlign     = 4096
)

// A Pool lends buffers. Its methods may be called from any goroutine. It needs no closing: an unreachable Pool is
// collected together with its idle slabs.
type Pool struct {
	options   Options
	align     int
	classes   [numClasses]class
	admission admission
	check     *checker // nil: unchecked

	// mu guards what a hit never touches: the records of all classes, and what is below. A goroutine holds it while it
	// scans the records, never while it allocates or zeroes a slab.
	mu        sync.Mutex
	budget    int64 // as in Options, or set since
	limit     int64 // budget, or MaxInt64 where there is none
	floor     int64 // as in Options, at most limit
	closed    bool
	decaying  *time.Timer // nil: there is nothing that could decay
	held      int64       // bytes of all records: slabs leased, idle, or dead and not yet noticed. Never above limit.
	slabs     int         // records of all classes
	elsewhere int64       // bytes of held that are not the pool's: see Elsewhere
	pinned    int64       // bytes of the slabs that the floor refers to. Never above floor.
	refused   uint64      // Gets that ended in ErrBudget
	tight     tight
	glanced   cursor
}

// New returns an empty Pool. options are copied; nil is the zero Options. It panics when Align is not 0 or a power of
// two up to 4096, and when Budget, Floor, Reserve or HalfLife is negative.
func New(options *Options) *Pool {
	var o Options
	if options != nil {
		o = *options
	}
	if o.Align == 0 {
		o.Align = defaultAlign
	}
	if o.Align < 0 || o.Align > maxAlign || o.Align&(o.Align-1) != 0 {
		panic("pool: Options.Align is not a power of two up to 4096")
	}
	if o.Budget < 0 || o.Floor < 0 || o.Reserve < 0 || o.HalfLife < 0 {
		panic("pool: Options.Budget, Options.Floor, Options.Reserve or Options.HalfLife is negative")
	}
	p := &Pool{options: o, align: o.Align}
	p.check = newChecker(o.Check)
	for i := range p.classes {
		p.classes[i].pool = p
		p.classes[i].size = classSize(i)
	}
	p.SetBudget(o.Budget)
	return p
}

// Get leases a buffer of n bytes, 0 <= n <= MaxSize, of undefined content; its capacity is ClassSize(n). The caller owns
// the lease and ends it with Release. Get never waits: it returns a *SizeError (ErrSize) for another n, and a
// *BudgetError (ErrBudget) when the bytes leased and ClassSize(n) together exceed the Budget. After Close it returns ErrClosed.
func (p *Pool) Get(n int) (Buf, error) {
	if uint(n) > MaxSize {
		return Buf{}, &SizeError{Got: int64(n), Max: MaxSize}
	}
	c := &p.classes[classOf(n)]
	if c.tight.Load() {
		return p.getSlow(c, n)
	}
	for s, _ := c.idle.Get().(*slab); s != nil; s, _ = c.idle.Get().(*slab) {
		if b, ok := s.claim(n); ok {
			return b, nil
		}
	}
	return p.getSlow(c, n)
}

// getSlow is Get when the class's sync.Pool has nothing for this processor, or the pool is checked or tight.
func (p *Pool) getSlow(c *class, n int) (Buf, error) {
	if p.check != nil {
		return p.check.get(c, n)
	}
	return p.obtain(c, n)
}

// obtain looks through the records for an idle slab that sync.Pool dropped, or keeps where this processor cannot reach it,
// and makes a new slab when there is none.
func (p *Pool) obtain(c *class, n int) (Buf, error) {
	p.mu.Lock()
	b, err := p.reserve(c, n)
	if err != nil || !b.IsZero() {
		p.mu.Unlock()
		return b, err
	}
	r := c.newRecord()
	p.held += int64(c.size)
	p.mu.Unlock()

	s := newSlab(c, r) // outside the lock: zeroing 256 MiB takes long
	s.mem = s.mem[:n]

	p.mu.Lock()
	r.attach(s)
	p.pin(c, r, s)
	p.startDecay()
	p.mu.Unlock()
	return Buf{s: s}, nil
}

// Prewarm makes sure that the pool holds count buffers of n bytes: it leases them all, holding them at the same time, and
// puts them all back. On an error of Get it stops, puts back what it has, and returns the error.
//
// Idle slabs beyond Options.Floor still die with the second collection.
func (p *Pool) Prewarm(n, count int) error {
	var bufs []Buf
	defer func() {
		for _, b := range bufs {
			b.Release()
		}
	}()
	for range count {
		b, err := p.Get(n)
		if err != nil {
			return err
		}
		bufs = append(bufs, b)
	}
	return nil
}
