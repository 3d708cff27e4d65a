//go:build !purego

package dct

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		quads := &assembly{blocks: 4, forward: forwardAVX512, fewer: pairs.transform}
		Implementations.Register(impl.AVX512, Kernels{Forward: quads.transform})
	}
}

//go:noescape
func forwardAVX512(coefs *[64]int16, masks *uint64, src *int16, stride, quads int, table *[2][8][32]int16)
