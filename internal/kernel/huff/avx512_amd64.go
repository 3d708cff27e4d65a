//go:build !purego

package huff

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		a := &assembly{flatten: flattenAVX512, write: writeAVX512}
		Implementations.Register(impl.AVX512, Kernels{Flatten: a.flattenBlocks, Write: a.writePairs, Stuff: stuffCompressed})
	}
}

//go:noescape
func flattenAVX512(dst *Symbol, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32,
	slots, slot, lastSlot *Slot, mcu, blocks int) (n int)

//go:noescape
func writeAVX512(dst *byte, syms *Symbol, pairs int, codes *Codes, p *Partial) (n int)

//go:noescape
func stuffAVX512(dst, src *byte, vectors int) (n int)

// stuffCompressed is Kernels.Stuff: the last bytes are for plain Go.
func stuffCompressed(dst, src []byte) int {
	dst = dst[:2*len(src)]
	if len(src) < 32 {
		return stuff(dst, src)
	}
	n := stuffAVX512(&dst[0], &src[0], len(src)/32)
	return n + stuff(dst[n:], src[len(src)&^31:])
}
