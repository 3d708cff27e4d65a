package pool

import (
	"bytes"
	"cmp"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// A ledger has the holders of one slab of a checked pool, open and past. It belongs to the slab's record, so it outlives the
// slab. It allocates nothing once it has grown to the number of holders.
type ledger struct {
	check *checker
	size  int // of the slab

	mu      sync.Mutex
	tickets uint64                // handed out so far
	open    []holding             // by ticket
	past    [keptHoldings]holding // the last that ended, a ring; the oldest at next
	next    int
	watched bool   // keep stacks of the lease that is open
	filled  bool   // the slab is idle and full of fill
	lease   uint64 // the generation of the lease that is open, or ended last
}

// A holding is one holder's use of a slab: from Get or Retain to its Release.
type holding struct {
	ticket   uint64 // of this slab; 0: an empty place in the ring
	lease    uint64
	retained bool
	got      trace // of Get or Retain; empty when the lease is not watched
	released trace // of Release; empty while open
}

const (
	// keptHoldings is for how many ended holdings of a slab the stacks are kept. For an older stale handle the message has
	// no stacks.
	keptHoldings = 16

	// fill is the value of every byte of idle memory: not a plausible sample, length, or pointer.
	fill = 0xDB

	// checkedMark is set in Buf.gen beside a ticket: no generation has it, so that the handle looks stale to every method.
	checkedMark = 1 << 63
)

// A trace is a stack, in place.
type trace struct {
	n   int
	pcs [32]uintptr
}

// record sets t to the caller's stack.
func (t *trace) record() { t.n = runtime.Callers(2, t.pcs[:]) }

// begin opens the lease of s, which was just claimed, or made, and returns Get's handle; and a Misuse when s was
// written while it was idle. It then fills the memory again.
func (l *ledger) begin(s *slab) (Buf, *Misuse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := l.late(s.mem)
	if late != nil || !l.filled {
		fillAll(s.mem)
	}
	l.filled = false
	l.lease = atomic.LoadUint64(s.state) >> holderBits
	l.watched = l.check.watch()
	return l.enter(s, false), late
}

// enter adds a holder.
func (l *ledger) enter(s *slab, retained bool) Buf {
	l.tickets++
	l.open = append(l.open, holding{ticket: l.tickets, lease: l.lease, retained: retained})
	if l.watched {
		l.open[len(l.open)-1].got.record()
	}
	return Buf{s: s, gen: checkedMark | l.tickets}
}

// use panics unless b is open.
func (l *ledger) use(b Buf) {
	l.mu.Lock()
	i := l.find(b)
	l.mu.Unlock()
	if i < 0 {
		l.refuse(UseAfterRelease, b)
	}
}

// retain is b.Retain.
func (l *ledger) retain(b Buf) Buf {
	l.mu.Lock()
	if l.find(b) < 0 {
		l.mu.Unlock()
		l.refuse(UseAfterRelease, b)
	}
	defer l.mu.Unlock()
	if len(l.open) == maxHolders {
		panic(msgHolders)
	}
	atomic.AddUint64(b.s.state, 1)
	return l.enter(b.s, true)
}

// release is b.Release.
func (l *ledger) release(b Buf) {
	l.mu.Lock()
	i := l.find(b)
	if i < 0 {
		l.mu.Unlock()
		l.refuse(ReleasedTwice, b)
	}
	ended := &l.past[l.next]
	l.next = (l.next + 1) % keptHoldings
	*ended = l.open[i]
	ended.released.record()
	l.open = slices.Delete(l.open, i, i+1)
	last := len(l.open) == 0
	if last {
		fillAll(b.s.mem)
		l.filled = true
		atomic.StoreUint64(b.s.state, (l.lease+1)<<holderBits)
	} else {
		atomic.AddUint64(b.s.state, ^uint64(0))
	}
	l.mu.Unlock()
	if last {
		l.check.put(b.s)
	}
}

// find returns where b's holding is in open, -1 when it has ended.
func (l *ledger) find(b Buf) int {
	ticket := b.gen &^ checkedMark
	i, ok := sort.Find(len(l.open), func(i int) int { return cmp.Compare(ticket, l.open[i].ticket) })
	if !ok {
		return -1
	}
	return i
}

// refuse panics: b's holding has ended.
func (l *ledger) refuse(kind MisuseKind, b Buf) {
	m := &Misuse{Kind: kind, Size: l.size}
	l.mu.Lock()
	if h := l.ended(func(h *holding) bool { return h.ticket == b.gen&^checkedMark }); h != nil {
		m.add(h)
		if h.retained {
			m.add(l.origin(h.lease))
		}
	}
	l.mu.Unlock()
	var at trace
	at.record()
	m.At = at.stack()
	l.check.refuse(m)
}

// ended returns that ended holding, nil if it is no longer kept.
func (l *ledger) ended(is func(*holding) bool) *holding {
	for i := range l.past {
		if h := &l.past[i]; h.ticket != 0 && is(h) {
			return h
		}
	}
	return nil
}

// origin returns the holding of the Get of a lease, nil if it is no longer kept.
func (l *ledger) origin(lease uint64) *holding {
	is := func(h *holding) bool { return h.lease == lease && !h.retained }
	for i := range l.open {
		if is(&l.open[i]) {
			return &l.open[i]
		}
	}
	return l.ended(is)
}

// leak returns a Misuse for the holders of the open lease, nil when it is not watched.
func (l *ledger) leak(how string) *Misuse {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.watched || len(l.open) == 0 {
		return nil
	}
	m := &Misuse{Kind: Leaked, Size: l.size, how: how}
	for i := range l.open {
		m.add(&l.open[i])
	}
	return m
}

// lose reports that the collector freed the slab while it was leased.
func (l *ledger) lose() { l.check.later(suspect{ledger: l}) }

// evict reports a late write to s, whose memory is about to be dropped.
func (l *ledger) evict(s *slab) { l.check.later(suspect{ledger: l, mem: s.mem}) }

// verify returns a Misuse when mem, that of a slab that nobody leases, was written, and then fills it again, so that it is
// reported once.
func (l *ledger) verify(mem []byte) *Misuse {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := l.late(mem)
	if late != nil {
		fillAll(mem)
	}
	return late
}

// late returns a Misuse when mem, that of a slab that is or was idle, is no longer full of fill. It names all holders of the last lease: any
// of them may have kept a slice.
func (l *ledger) late(mem []byte) *Misuse {
	mem = mem[:cap(mem)]
	if !l.filled || isFill(mem) {
		return nil
	}
	first := slices.IndexFunc(mem, func(b byte) bool { return b != fill })
	m := &Misuse{Kind: WriteAfterRelease, Size: l.size, Offset: first, Value: mem[first]}
	for _, b := range mem {
		if b != fill {
			m.Changed++
		}
	}
	if h := l.origin(l.lease); h != nil {
		m.add(h)
	}
	for i := range l.past {
		if h := &l.past[i]; h.ticket != 0 && h.lease == l.lease && h.retained {
			m.add(h)
		}
	}
	return m
}

// fillAll fills mem up to its capacity.
func fillAll(mem []byte) {
	mem = mem[:cap(mem)]
	mem[0] = fill
	for n := 1; n < len(mem); n *= 2 {
		copy(mem[n:], mem[:n])
	}
}

// isFill reports whether mem is nothing but fill: its first byte is, and each equals the one before it.
func isFill(mem []byte) bool {
	return mem[0] == fill && bytes.Equal(mem[1:], mem[:len(mem)-1])
}
