//go:build !purego

package tensor

import (
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() { Implementations.Register(impl.NEON, Kernels{Row: rowBy16}) }

//go:noescape
func rowNEON(dst *int16, src *byte, vectors, scale, offset int)

// rowBy16 leaves rows of less than 16 samples to plain Go; in longer ones the last 16 may overlap those before.
func rowBy16(dst []int16, src []byte, scale, offset float32) {
	n := len(dst)
	src = src[:4*n]
	if n < 16 {
		row(dst, src, scale, offset)
		return
	}
	s, o := int(math.Float32bits(scale)), int(math.Float32bits(offset))
	rowNEON(&dst[0], &src[0], n/16, s, o)
	if last := n - 16; n%16 != 0 {
		rowNEON(&dst[last], &src[4*last], 1, s, o)
	}
}
