//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{Row: rowBy16})
	}
}

//go:noescape
func rowAVX2(dst *int16, src *byte, vectors int, scale, offset float32)

// rowBy16 leaves rows of less than a vector to plain Go; in longer ones the last vector may overlap the one before it.
func rowBy16(dst []int16, src []byte, scale, offset float32) {
	n := len(dst)
	src = src[:4*n]
	if n < 16 {
		row(dst, src, scale, offset)
		return
	}
	rowAVX2(&dst[0], &src[0], n/16, scale, offset)
	if last := n - 16; n%16 != 0 {
		rowAVX2(&dst[last], &src[4*last], 1, scale, offset)
	}
}
