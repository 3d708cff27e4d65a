package pool

import (
	"sync/atomic"
	"unsafe"
	"weak"
)

// A slab is the memory of one buffer, reused together with this header. Only the holder of a lease, or the goroutine that
// has just evicted the slab, touches mem.
type slab struct {
	state  *uint64 // record.state, one step nearer, so that Buf.Bytes is small enough to be inlined
	record *record
	class  *class
	mem    []byte // length as asked, capacity the class's size; nil once evicted
	_      [16]byte
}

// A record is the state of a slab. The pool refers to it strongly and it refers to the slab weakly, so that it outlives the
// slab and tells how the slab ended. It fills a cache line of its own: each goroutine that leases the slab writes state.
type record struct {
	// state is generation<<holderBits | holders:
	//
	//	idle     (g, 0)
	//	leased   (g, 1..maxHolders)   Get: (g, 0) -> (g, 1); Retain and Release count
	//	released (g+1, 0)             the last Release: idle again, and every handle of g is stale
	//	evicted  (g, evicted)         for good: the slab has lost its memory
	//
	// A generation has 48 bits: a slab leased each microsecond would reach the generation of a stale handle again after 8.9 years.
	// It is also the counter of leases, which thus costs nothing more. It is read and written by sync/atomic alone, and
	// comes first so that it is aligned on 32-bit targets.
	state uint64

	// Guarded by Pool.mu.
	slab       weak.Pointer[slab]
	pin        *slab   // the same slab, where the floor keeps it
	next, prev *record // in the list of the class that it is in
	seen       uint64  // state when the floor last decayed

	ledger   *ledger // the holders of the slab; nil unless the pool is checked
	at       int32   // where it is in class.records
	attached bool    // slab is set: newSlab is done
	in       listing // guarded by Pool.mu
	looked   uint16  // the low bits of the generation at the last call of Unused; guarded by Pool.mu
}

const (
	holderBits = 16
	holderMask = 1<<holderBits - 1
	evicted    = holderMask
	maxHolders = holderMask - 1
)

// newSlab allocates a slab of class c, leased by r's first state.
func newSlab(c *class, r *record) *slab {
	return &slab{state: &r.state, record: r, class: c, mem: alignedBytes(c.size, c.pool.align)}
}

// alignedBytes returns size bytes whose first one is aligned. The Go heap aligns all of our classes to 64 bytes and more, so
// the second allocation is for larger alignments only.
func alignedBytes(size, align int) []byte {
	mem := make([]byte, size)
	if misaligned(mem, align) == 0 {
		return mem
	}
	mem = make([]byte, size+align-1)
	skip := (align - misaligned(mem, align)) & (align - 1)
	return mem[skip : skip+size : skip+size]
}

// misaligned returns by how many bytes the start of mem is beyond a multiple of align, a power of two.
func misaligned(mem []byte, align int) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & uintptr(align-1))
}

// claim leases s, if it is idle, for n bytes. Slabs change hands here and in Buf.Release, and nowhere else.
func (s *slab) claim(n int) (Buf, bool) {
	idle := atomic.LoadUint64(s.state)
	if idle&holderMask != 0 || !atomic.CompareAndSwapUint64(s.state, idle, idle|1) {
		return Buf{}, false
	}
	s.mem = s.mem[:n]
	return Buf{s: s, gen: idle >> holderBits}, true
}

// attach makes s known to its record.
func (r *record) attach(s *slab) {
	r.slab = weak.Make(s)
	r.attached = true
}

// dead reports whether the collector has freed the slab: an idle one that sync.Pool dropped, or a leased one whose
// handles are all unreachable.
func (r *record) dead() bool {
	return r.attached && r.slab.Value() == nil
}

// evict takes the memory from the slab, if it is idle.
func (r *record) evict() bool {
	idle := atomic.LoadUint64(&r.state)
	if idle&holderMask != 0 {
		return false
	}
	s := r.slab.Value()
	if s == nil || !atomic.CompareAndSwapUint64(&r.state, idle, idle|evicted) {
		return false
	}
	if r.ledger != nil {
		r.ledger.evict(s)
	}
	s.mem = nil
	return true
}

// counts returns how many leases of the slab began and ended.
func (r *record) counts() counts {
	state := atomic.LoadUint64(&r.state)
	n := counts{gets: state >> holderBits, puts: state >> holderBits}
	if holders := state & holderMask; holders != 0 && holders != evicted {
		n.gets++
	}
	return n
}
