//go:build !purego

package resample

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, kernelsAVX2())
	}
}

func kernelsAVX2() Kernels {
	k := generic // for what has no assembly
	k.Resize, k.Widen, k.Cover, k.Prefetch = resizeAVX2, widenAVX2, coverAVX2, prefetchLines
	return k
}

// groupAVX2 is the samples that a kernel makes at a time.
const groupAVX2 = 16

//go:noescape
func prefetchAVX2(row *byte, lines int)

func prefetchLines(row []byte) {
	const line = 64
	prefetchAVX2(&row[0], (len(row)+line-1)/line)
}
