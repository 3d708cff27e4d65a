//go:build !purego

package huff

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	a := &assembly{flatten: flattenNEON, write: writeNEON}
	Implementations.Register(impl.NEON, Kernels{Flatten: a.flattenBlocks, Write: a.writePairs, Stuff: stuffVectors})
}

//go:noescape
func flattenNEON(dst *Symbol, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32,
	slots, slot, lastSlot *Slot, mcu, blocks int) (n int)

//go:noescape
func writeNEON(dst *byte, syms *Symbol, pairs int, codes *Codes, p *Partial) (n int)

//go:noescape
func stuffNEON(dst, src *byte, length int) (n, left int)

// stuffVectors is Kernels.Stuff: the last bytes are for plain Go.
func stuffVectors(dst, src []byte) int {
	dst = dst[:2*len(src)]
	if len(src) < 16 {
		return stuff(dst, src)
	}
	n, left := stuffNEON(&dst[0], &src[0], len(src))
	return n + stuff(dst[n:], src[len(src)-left:])
}
