//go:build !purego

package dct

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{Forward: forwardQuads})
	}
}

//go:noescape
func forwardAVX512(coefs *[64]int16, masks *uint64, src *int16, stride, quads int, table *[2][8][32]int16)

// forwardQuads is Kernels.Forward. Where the number of blocks is no multiple of four, the last four are transformed
// apart, some of them once more; fewer than four are for AVX2.
func forwardQuads(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table) {
	n := len(masks)
	if n < 4 {
		forwardPairs(coefs, masks, src, stride, t)
		return
	}
	coefs, src = checked(coefs, src, n, stride)
	forwardAVX512(&coefs[0], &masks[0], &src[0], 2*stride, n/4, &t.vectors)
	if n%4 != 0 {
		from := n - 4
		forwardAVX512(&coefs[from], &masks[from], &src[from*BlockSize], 2*stride, 1, &t.vectors)
	}
}
