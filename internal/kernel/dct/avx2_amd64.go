//go:build !purego

package dct

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// fetchAVX2 is what forwardAVX2 fetches for each block: a line of the cache.
const fetchAVX2 = 64

var pairs = &assembly{blocks: 2, forward: forwardAVX2, fewer: forward, fetch: fetchAVX2}

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{Forward: pairs.transform, Fetch: fetchAVX2})
	}
}

//go:noescape
func forwardAVX2(coefs *[64]int16, masks *uint64, src *int16, stride, pairs int, table *[2][8][32]int16, fetch *byte)
