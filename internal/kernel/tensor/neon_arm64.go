//go:build !purego

package tensor

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	a := &assembly{samples: 16, row: rowNEON}
	Implementations.Register(impl.NEON, Kernels{Row: a.scaleRow})
}

//go:noescape
func rowNEON(dst *int16, src *byte, vectors, ahead, factor, offset int)
