// Package panics loses values to panics, which only the flag -panics reports.
package panics

import "sync"

var pool = sync.Pool{New: func() any { return new([8]byte) }}

func wrong(n int) {
	b := pool.Get().(*[8]byte) // want `b from pool.Get is not put back when the function panics at line 11 \(n < 0\)`
	if n < 0 {
		panic("negative")
	}
	pool.Put(b)
}

func right(n int) {
	b := pool.Get().(*[8]byte)
	defer pool.Put(b)
	if n < 0 {
		panic("negative")
	}
}
