//go:build !purego

package huff

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		a := &assembly{flatten: flattenAVX2, write: writeAVX2}
		Implementations.Register(impl.AVX2, Kernels{Flatten: a.flattenBlocks, Write: a.writePairs, Stuff: stuff})
	}
}

//go:noescape
func flattenAVX2(dst *Symbol, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32,
	slots, slot, lastSlot *Slot, mcu, blocks int) (n int)

//go:noescape
func writeAVX2(dst *byte, syms *Symbol, pairs int, codes *Codes, p *Partial) (n int)
