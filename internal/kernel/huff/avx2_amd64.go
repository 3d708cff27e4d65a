//go:build !purego

package huff

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		a := &assembly{flatten: flattenAVX2, write: writeAVX2}
		Implementations.Register(impl.AVX2, Kernels{Flatten: a.flattenBlocks, Write: a.writePairs, Stuff: stuffShuffled})
	}
}

//go:noescape
func flattenAVX2(dst *Symbol, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32,
	slots, slot, lastSlot *Slot, mcu, blocks int) (n int)

//go:noescape
func writeAVX2(dst *byte, syms *Symbol, pairs int, codes *Codes, p *Partial) (n int)

//go:noescape
func stuffAVX2(dst, src *byte, groups int, shuffles *[256][16]uint8) (n int)

// stuffShuffles[m] puts a zero behind each of eight bytes that has a bit in m.
var stuffShuffles = func() (shuffles [256][16]uint8) {
	const none = 0x80 // for a shuffle of bytes: zero
	for m := range shuffles {
		s := &shuffles[m]
		for i := range s {
			s[i] = none
		}
		at := 0
		for i := range 8 {
			s[at] = uint8(i)
			at += 1 + m>>i&1
		}
	}
	return shuffles
}()

// stuffShuffled is Kernels.Stuff. Few bytes have few 0xFF, which plain Go finds sooner; the last ones are for a loop.
func stuffShuffled(dst, src []byte) int {
	const few = 400
	if len(src) < few {
		return stuff(dst, src)
	}
	dst = dst[:2*len(src)]
	groups := len(src) / 8
	n := stuffAVX2(&dst[0], &src[0], groups, &stuffShuffles)
	for _, b := range src[8*groups:] {
		dst[n] = b
		n++
		if b == 0xFF {
			dst[n] = 0
			n++
		}
	}
	return n
}
