//go:build !purego

package near

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{
			Bytes:  func(a, b []byte, most uint8) bool { return overVectors(a, b, most, 32, bytes, vectorsAVX2) },
			Floats: func(a, b []byte, most float32) bool { return overVectors(a, b, most, 32, floats, floatsAVX2) },
			Halves: func(a, b []byte, most float32) bool { return overVectors(a, b, most, 16, halves, halvesAVX2) },
		})
	}
}

// overVectors goes over rows with vectors, of size bytes, and, where there is not one, with plain.
func overVectors[T any](a, b []byte, most T, size int, plain func(a, b []byte, most T) bool, vectors func(a, b *byte, vectors int, most T) bool) bool {
	n := len(a)
	b = b[:n]
	if n < size {
		return plain(a, b, most)
	}
	if !vectors(&a[0], &b[0], n/size, most) {
		return false
	}
	last := n - size // the last vector overlaps the one before it
	return n%size == 0 || vectors(&a[last], &b[last], 1, most)
}

//go:noescape
func vectorsAVX2(a, b *byte, vectors int, most uint8) bool

//go:noescape
func floatsAVX2(a, b *byte, vectors int, most float32) bool

//go:noescape
func halvesAVX2(a, b *byte, vectors int, most float32) bool
