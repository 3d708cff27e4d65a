// Package boxed puts values that are not pointers.
package boxed

import "sync"

type pair struct{ a, b int }

type handle struct{ p *int }

// Wrong.

func slice(p *sync.Pool, b []byte) {
	p.Put(b) // want `p.Put of a \[\]byte allocates its copy on the heap: put a pointer`
}

func cut(p *sync.Pool) {
	b := p.Get().([]byte)
	p.Put(b[:0]) // want `put a pointer`
}

func structure(p *sync.Pool, v pair) {
	defer p.Put(v) // want `p.Put of a boxed.pair allocates`
}

func text(p *sync.Pool, s string) {
	p.Put(s) // want `put a pointer`
}

// Right.

func pointer(p *sync.Pool, b *[]byte, v *pair) {
	p.Put(b)
	p.Put(v)
}

func address(p *sync.Pool, b []byte) { p.Put(&b) }

func others(p *sync.Pool, m map[int]int, c chan int, h handle, x any) {
	p.Put(m)
	p.Put(c)
	p.Put(h)
	p.Put(x)
}

func generic[T any](p *sync.Pool, v T) { p.Put(v) }

// Known: a comment for staticcheck, whose SA6002 says the same, is on the line or above it.

func known(p *sync.Pool, b []byte) {
	p.Put(b) // nolint:staticcheck
	p.Put(b) //nolint:errcheck,staticcheck // the header is small
	//lint:ignore SA6002 the header is small
	p.Put(b)
	// Callers have slices.
	//nolint:staticcheck
	p.Put(b)
}

func afterKnown(p *sync.Pool, b []byte) {
	p.Put(b) //nolint:staticcheck
	p.Put(b) // want `allocates its copy`
}

func otherComments(p *sync.Pool, b []byte) {
	p.Put(b) //nolint:errcheck // want `allocates its copy`
	//lint:ignore SA4006 the header is small
	p.Put(b) // want `allocates its copy`
	//lint:ignore SA6002
	p.Put(b) // want `allocates its copy`
}
