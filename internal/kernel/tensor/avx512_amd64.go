//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{Row: rowBy32})
	}
}

//go:noescape
func rowAVX512(dst *int16, src *byte, vectors int, scale, offset float32)

// rowBy32 leaves rows of less than a vector to plain Go; in longer ones the last vector may overlap the one before it.
func rowBy32(dst []int16, src []byte, scale, offset float32) {
	n := len(dst)
	src = src[:4*n]
	if n < 32 {
		row(dst, src, scale, offset)
		return
	}
	rowAVX512(&dst[0], &src[0], n/32, scale, offset)
	if last := n - 32; n%32 != 0 {
		rowAVX512(&dst[last], &src[4*last], 1, scale, offset)
	}
}
