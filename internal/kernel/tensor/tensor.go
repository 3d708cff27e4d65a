// Package tensor reads rows of float32 samples.
package tensor

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation.
type Kernels struct {
	samples int // of a vector; more than there can be where there is no assembly

	// row makes so many vectors, one or more. factor and offset are the bits of a float32.
	row func(dst *int16, src *byte, vectors, ahead, factor, offset int)
}

// Row sets dst to the samples of src, little-endian float32, scaled, rounded and clamped to 0..32640; NaN gives 0. src has four bytes for
// each sample of dst. It asks for what lies so many bytes ahead of src to be in the caches soon; with 0 for nothing.
func (k *Kernels) Row(dst []int16, src []byte, ahead int, s Scale) {
	n := len(dst)
	src = src[:4*n]
	if n < k.samples {
		row(dst, src, s)
		return
	}
	factor, offset := int(math.Float32bits(s.Factor)), int(math.Float32bits(s.Offset))
	k.row(&dst[0], &src[0], n/k.samples, ahead, factor, offset)
	if last := n - k.samples; n%k.samples != 0 { // the last vector overlaps the one before it
		k.row(&dst[last], &src[4*last], 1, ahead, factor, offset)
	}
}

// Scale is value*Factor + Offset. The product and the sum are rounded to float32 each: no fused multiply-add.
type Scale struct{ Factor, Offset float32 }

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{samples: math.MaxInt})
}

// top is 255 with 7 fractional bits.
const top = 255 << 7

func row(dst []int16, src []byte, s Scale) {
	src = src[:4*len(dst)]
	for i := range dst {
		v := math.Float32frombits(binary.LittleEndian.Uint32(src[4*i : 4*i+4]))
		// The conversion keeps the compiler from fusing product and sum (Go specification, Floating-point operators).
		t := float32(v*s.Factor) + s.Offset
		switch {
		case !(t > 0): // NaN too
			dst[i] = 0
		case t >= top:
			dst[i] = top
		default:
			dst[i] = int16(int32(t + 0.5))
		}
	}
}
