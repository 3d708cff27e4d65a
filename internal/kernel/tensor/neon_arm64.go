//go:build !purego

package tensor

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	Implementations.Register(impl.NEON, Kernels{samples: 16, row: rowNEON})
}

//go:noescape
func rowNEON(dst *int16, src *byte, vectors, ahead, factor, offset int)
