//go:build !purego

package dct

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	a := &assembly{blocks: 1, forward: forwardNEON, fewer: forward}
	Implementations.Register(impl.NEON, Kernels{Forward: a.transform})
}

//go:noescape
func forwardNEON(coefs *[64]int16, masks *uint64, src *int16, stride, blocks int, table *[2][8][32]int16, _ *byte)
