package pool

// A Buf is a handle to a leased buffer, 16 bytes, passed by value. The zero Buf is empty and may be released.
//
// A copy of a Buf is the same handle: of all copies together, one Release for Get and one for each Retain. After the last
// of them every copy is stale, for ever: its methods panic with "pool: use of released Buf", and a further Release panics
// with "pool: Buf released twice". What no handle can find is a slice kept from Bytes after the Release.
//
// Holders may read the bytes at the same time; writing them, and SetLen, are for a holder that knows itself alone.
type Buf struct {
	s   *slab
	gen uint64
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
	if b.s == nil {
		return nil
	}
	if b.s.record.state.Load()>>holderBits != b.gen {
		panic(msgStale)
	}
	return b.s.mem
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

// Retain adds a holder, who must Release too, and returns b. It is for fan-out: one lease, several readers. It panics when
// there are 65,534 holders. The zero Buf stays the zero Buf.
func (b Buf) Retain() Buf {
	if b.s == nil {
		return b
	}
	state := &b.s.record.state
	for {
		old := state.Load()
		if old>>holderBits != b.gen {
			panic(msgStale)
		}
		if old&holderMask == maxHolders {
			panic(msgHolders)
		}
		if state.CompareAndSwap(old, old+1) {
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
	state := &s.record.state
	for {
		old := state.Load()
		if old>>holderBits != b.gen {
			panic(msgTwice)
		}
		if old&holderMask > 1 {
			if state.CompareAndSwap(old, old-1) {
				return
			}
			continue
		}
		if state.CompareAndSwap(old, (b.gen+1)<<holderBits) {
			s.class.idle.Put(s)
			return
		}
	}
}
