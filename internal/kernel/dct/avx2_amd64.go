//go:build !purego

package dct

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{Forward: forwardPairs})
	}
}

//go:noescape
func forwardAVX2(coefs *[64]int16, masks *uint64, src *int16, stride, pairs int, table *[2][8][32]int16)

// forwardPairs is Kernels.Forward. Of an odd number of blocks, the last but one is transformed twice; one alone is for
// plain Go.
func forwardPairs(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table) {
	n := len(masks)
	if n < 2 {
		forward(coefs, masks, src, stride, t)
		return
	}
	coefs, src = checked(coefs, src, n, stride)
	forwardAVX2(&coefs[0], &masks[0], &src[0], 2*stride, n/2, &t.vectors)
	if n%2 != 0 {
		from := n - 2
		forwardAVX2(&coefs[from], &masks[from], &src[from*BlockSize], 2*stride, 1, &t.vectors)
	}
}
