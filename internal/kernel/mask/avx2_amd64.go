//go:build !purego

package mask

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		a := &assembly{gray: grayAVX2, rgb24: rgb24AVX2}
		Implementations.Register(impl.AVX2, a.kernels())
	}
}

//go:noescape
func grayAVX2(dst, under, over, mask *byte, vectors int)

//go:noescape
func rgb24AVX2(dst, under, over, mask *byte, vectors int)
