//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{samples: 32, row: rowAVX512})
	}
}

//go:noescape
func rowAVX512(dst *int16, src *byte, vectors, ahead, factor, offset int)
