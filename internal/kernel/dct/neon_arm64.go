//go:build !purego

package dct

import "github.com/steadyframe/steadyframe/internal/impl"

func init() { Implementations.Register(impl.NEON, Kernels{Forward: forwardBlocks}) }

//go:noescape
func forwardNEON(coefs *[64]int16, masks *uint64, src *int16, stride, blocks int, table *[2][8][32]int16)

// forwardBlocks is Kernels.Forward.
func forwardBlocks(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table) {
	if len(masks) == 0 {
		return
	}
	coefs, src = checked(coefs, src, len(masks), stride)
	forwardNEON(&coefs[0], &masks[0], &src[0], 2*stride, len(masks), &t.vectors)
}
