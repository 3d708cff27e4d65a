//go:build !purego

package tensor

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	k := Kernels{samples: 16}
	k.row[0], k.row[1] = rowNEON, halfRowNEON
	k.pixels[0], k.pixels[1] = pixelsNEON, halfPixelsNEON
	Implementations.Register(impl.NEON, k)
}

//go:noescape
func rowNEON(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func pixelsNEON(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfRowNEON(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfPixelsNEON(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)
