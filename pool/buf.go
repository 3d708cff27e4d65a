package pool

import "sync/atomic"

// A Buf is a handle to a leased buffer, 16 bytes, passed by value. The zero Buf is empty and may be released.
//
// A copy of a Buf is the same handle, and is released with it: one Release for Get's, one for each that Retain returned.
// After the last of them all are stale for good: their methods panic with "pool: use of released Buf", and a further
// Release panics with "pool: Buf released twice". No handle can find a slice kept from Bytes after the Release.
//
// In a checked pool (Options.Check) each handle is stale after its own Release, and these panics are *Misuse values.
//
// Holders may read the bytes at the same time; writing them, and SetLen, are for a holder that is the only one.
type Buf struct {
	s   *slab
	gen uint64 // the generation of the lease; in a checked pool checkedMark and the holder's ticket
}

const (
	msgStale   = "pool: use of released Buf"
	msgTwice   = "pool: Buf released twice"
	msgHolders = "pool: Buf retained more than 65533 times"
	msgBadLen  = "pool: SetLen out of range"
)

// IsZero reports whether b is the zero Buf.
func (b Buf) IsZero() bool { return b.s == nil }

// Bytes returns the buffer: length as asked of Get or set by SetLen, capacity that of the whole class, so that append works
// in place. The slice is borrowed from the lease and is not to be used after its Release. It is nil for the zero Buf.
func (b Buf) Bytes() []byte {
	if b.s != nil && atomic.LoadUint64(b.s.state)>>holderBits == b.gen {
		return b.s.mem
	}
	return b.bytesSlow()
}

// Len returns len(b.Bytes()).
func (b Buf) Len() int { return len(b.Bytes()) }

// Cap returns cap(b.Bytes()): the size of the class.
func (b Buf) Cap() int { return cap(b.Bytes()) }

// SetLen makes the buffer n bytes long, for all its holders. It panics unless 0 <= n <= b.Cap().
func (b Buf) SetLen(n int) {
	mem := b.Bytes()
	if uint(n) > uint(cap(mem)) {
		panic(msgBadLen)
	}
	if b.s != nil {
		b.s.mem = mem[:n]
	}
}

// Retain adds a holder and returns its handle, which must be released too. It is for fan-out: one lease, several readers. It
// panics when there are 65,534 holders. The zero Buf stays the zero Buf.
func (b Buf) Retain() Buf {
	if b.s == nil {
		return b
	}
	for {
		old := atomic.LoadUint64(b.s.state)
		if old>>holderBits != b.gen {
			return b.checked(msgStale).retain(b)
		}
		if old&holderMask == maxHolders {
			panic(msgHolders)
		}
		if atomic.CompareAndSwapUint64(b.s.state, old, old+1) {
			return b
		}
	}
}

// Release ends one holder's use. The last one gives the memory back to its pool. It panics when the lease is over already.
// It does nothing for the zero Buf.
func (b Buf) Release() {
	s := b.s
	if s == nil {
		return
	}
	for {
		old := atomic.LoadUint64(s.state)
		if old>>holderBits != b.gen {
			b.checked(msgTwice).release(b)
			return
		}
		if old&holderMask > 1 {
			if atomic.CompareAndSwapUint64(s.state, old, old-1) {
				return
			}
			continue
		}
		if atomic.CompareAndSwapUint64(s.state, old, (b.gen+1)<<holderBits) {
			if s.class.tight.Load() && !s.class.pool.ended(s) {
				return
			}
			s.class.idle.Put(s)
			return
		}
	}
}

// bytesSlow is Bytes of the zero Buf, of a Buf of a checked pool, and of a stale one.
func (b Buf) bytesSlow() []byte {
	if b.s == nil {
		return nil
	}
	b.checked(msgStale).use(b)
	return b.s.mem
}

// checked returns the ledger of b's slab. The handles of checked pools look stale to every method, so that the fast path has no
// test for them: the ledger decides here. In an unchecked pool b is stale, and checked panics with the message.
func (b Buf) checked(message string) *ledger {
	l := b.s.record.ledger
	if l == nil {
		panic(message)
	}
	return l
}
