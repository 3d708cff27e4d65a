//go:build !purego

package tensor

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		k := Kernels{samples: 32}
		k.row[0], k.row[1] = rowAVX512, halfRowAVX512
		k.pixels[0], k.pixels[1] = pixelsAVX512, halfPixelsAVX512
		Implementations.Register(impl.AVX512, k)
	}
}

//go:noescape
func rowAVX512(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func pixelsAVX512(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfRowAVX512(dst *int16, src *byte, vectors, ahead, factor, offset int)

//go:noescape
func halfPixelsAVX512(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)
