//go:build !purego

package mask

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	a := &assembly{gray: grayNEON, rgb24: rgb24NEON}
	Implementations.Register(impl.NEON, a.kernels())
}

//go:noescape
func grayNEON(dst, under, over, mask *byte, vectors int)

//go:noescape
func rgb24NEON(dst, under, over, mask *byte, vectors int)
