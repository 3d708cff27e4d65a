//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{samples: 16, row: rowAVX2})
	}
}

//go:noescape
func rowAVX2(dst *int16, src *byte, vectors, ahead, factor, offset int)
