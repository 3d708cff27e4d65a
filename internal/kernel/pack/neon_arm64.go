//go:build !purego

package pack

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	a := &assembly{samples: 16, rgb24: rgb24NEON, rgba: rgbaNEON, limited: limitedNEON}
	Implementations.Register(impl.NEON, a.kernels())
}

//go:noescape
func rgb24NEON(dst *byte, red, green, blue *int16, vectors int)

//go:noescape
func rgbaNEON(dst *byte, red, green, blue *int16, vectors int)

//go:noescape
func limitedNEON(dst *byte, src *int16, vectors int, factor, offset uint64)
