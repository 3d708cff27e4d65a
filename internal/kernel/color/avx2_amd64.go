//go:build !purego

package color

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		k := generic // what has no assembly
		k.Resize = resizeAVX2
		k.PackedYCC, k.PackedYCCHalf, k.PackedLuma = packedYCCBlocks, packedYCCHalfBlocks, packedLumaBlocks
		Implementations.Register(impl.AVX2, k)
	}
}
