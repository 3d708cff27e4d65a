//go:build !purego

package near

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{Bytes: bytesAVX2})
	}
}

const vector = 32 // bytes

func bytesAVX2(a, b []byte, most uint8) bool {
	n := len(a)
	b = b[:n]
	if n < vector {
		return bytes(a, b, most)
	}
	if !vectorsAVX2(&a[0], &b[0], n/vector, most) {
		return false
	}
	last := n - vector // the last vector overlaps the one before it
	return n%vector == 0 || vectorsAVX2(&a[last], &b[last], 1, most)
}

//go:noescape
func vectorsAVX2(a, b *byte, vectors int, most uint8) bool
