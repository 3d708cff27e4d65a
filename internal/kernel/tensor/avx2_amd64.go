//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		k := Kernels{samples: 16}
		k.row[0], k.row[1] = rowAVX2, halfRowAVX2
		k.pixels[0], k.pixels[1] = pixelsAVX2, halfPixelsAVX2
		Implementations.Register(impl.AVX2, k)
	}
}

//go:noescape
func rowAVX2(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func pixelsAVX2(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfRowAVX2(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfPixelsAVX2(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)
