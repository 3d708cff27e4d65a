package pool

import (
	"sync"
	"sync/atomic"
)

// Of is a pool of *T, for typed scratch: worker contexts, tables, parsers. The zero Of makes zero Ts. Set the fields before
// the first Get and do not copy an Of afterwards. Get and Put may be called from any goroutine.
//
// It is a sync.Pool that cannot be given the wrong type, nil, or an object of the wrong shape. It has no handles: a use of
// a T after its Put goes unnoticed.
type Of[T any] struct {
	New   func() *T     // makes an object when there is none; nil: new(T)
	Reset func(*T)      // called by Put on objects that it keeps, to drop references to memory of others; may be nil
	Keep  func(*T) bool // called by Put first: whether t may be used again, for example has not grown too large; nil: always
	free  sync.Pool     // of *T
	made  atomic.Uint64
	drops atomic.Uint64 // refused by Keep
}

// OfStats counts what an Of did beside lending.
type OfStats struct {
	Made    uint64 // objects made, since none was idle
	Refused uint64 // objects that Keep refused
}

// Get returns an object, new or as Reset left it. The caller owns it until Put.
func (o *Of[T]) Get() *T {
	if t, _ := o.free.Get().(*T); t != nil {
		return t
	}
	o.made.Add(1)
	if o.New != nil {
		return o.New()
	}
	return new(T)
}

// Put takes t back. It panics when t is nil.
func (o *Of[T]) Put(t *T) {
	if t == nil {
		panic("pool: Put of nil")
	}
	if o.Keep != nil && !o.Keep(t) {
		o.drops.Add(1)
		return
	}
	if o.Reset != nil {
		o.Reset(t)
	}
	o.free.Put(t)
}

// Refused returns how many objects Keep has refused.
func (o *Of[T]) Refused() uint64 { return o.drops.Load() }

// Stats returns the counts so far. Made that grows under a steady load says that objects are refused, or that collections
// take them.
func (o *Of[T]) Stats() OfStats { return OfStats{Made: o.made.Load(), Refused: o.drops.Load()} }
