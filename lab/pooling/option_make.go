package pooling

import "sync/atomic"

// none makes each buffer.
type none struct {
	batchless
	sizes [kinds]int
}

func newNone(n need) func() lender { return shared(&none{sizes: n.sizes}) }

func (o *none) get(k kind) lease { return lease{b: make([]byte, o.sizes[k]), kind: k} }
func (o *none) put(lease)        {}

// arena makes one piece of memory for a batch and hands out parts of it. Nothing is put back; the memory goes with the last
// of its parts. Package arena of the standard library, which would free it at once, is an experiment on hold.
type arena struct {
	sizes [kinds]int
	total int
	slab  []byte
	used  atomic.Int64
}

// arenaAlign keeps two workers off one cache line.
const arenaAlign = 64

func newArena(n need) func() lender {
	total := 0
	for k := range kinds {
		total += n.perBatch[k] * aligned(n.sizes[k])
	}
	return func() lender { return &arena{sizes: n.sizes, total: total} }
}

func aligned(n int) int { return (n + arenaAlign - 1) &^ (arenaAlign - 1) }

func (a *arena) begin() {
	a.slab = make([]byte, a.total)
	a.used.Store(0)
}

func (a *arena) get(k kind) lease {
	n := aligned(a.sizes[k])
	end := int(a.used.Add(int64(n)))
	return lease{b: a.slab[end-n:][:a.sizes[k]:n], kind: k}
}

func (a *arena) put(lease) {}
func (a *arena) end()      { a.slab = nil }
