//go:build !purego

package dct

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// fetchAVX512 is what forwardAVX512 fetches for each block: a line and a half of the cache, since it takes less time than AVX2.
const fetchAVX512 = 96

func init() {
	if cpu.Has(impl.AVX512) {
		quads := &assembly{blocks: 4, forward: forwardAVX512, fewer: pairs.transform, fetch: fetchAVX512}
		Implementations.Register(impl.AVX512, Kernels{Forward: quads.transform, Fetch: fetchAVX512})
	}
}

//go:noescape
func forwardAVX512(coefs *[64]int16, masks *uint64, src *int16, stride, quads int, table *[2][8][32]int16, fetch *byte)
