package made

import (
	"hash"
	"hash/fnv"
	"sync"
)

var hashes = sync.Pool{New: func() any { return fnv.New64a() }}

type hasher struct{ pool *sync.Pool }

func wrong(b []byte) []byte {
	h := hashes.New().(hash.Hash) // want `hashes.New makes a new value although the pool may have one: call Get, which calls New where it has none`
	defer hashes.Put(h)
	h.Write(b)
	return h.Sum(nil)
}

func (x *hasher) wrong() hash.Hash {
	return x.pool.New().(hash.Hash) // want `x.pool.New makes a new value`
}

func literal() {
	go func() {
		h := hashes.New() // want `hashes.New makes a new value`
		h.(hash.Hash).Reset()
		hashes.Put(h)
	}()
}

// fill is right: it fills the pool.
func fill(n int) {
	for range n {
		hashes.Put(hashes.New())
	}
}

// fallback is right: it asked the pool.
func fallback() hash.Hash {
	h, ok := hashes.Get().(hash.Hash)
	if !ok {
		h = hashes.New().(hash.Hash)
	}
	return h
}

// other is right: it is no pool's New.
func other(made struct{ New func() any }) any { return made.New() }
