// Package tensor reads rows of float32 samples.
package tensor

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation.
type Kernels struct {
	// Row sets dst to the samples of src, little-endian float32, scaled, rounded and clamped to 0..32640; NaN gives 0. src has four bytes
	// for each sample of dst. It asks for what lies so many bytes ahead of src to be in the caches soon; with 0 for nothing.
	Row func(dst []int16, src []byte, ahead int, s Scale)
}

// Scale is value*Factor + Offset. The product and the sum are rounded to float32 each: no fused multiply-add.
type Scale struct{ Factor, Offset float32 }

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{Row: row})
}

// top is 255 with 7 fractional bits.
const top = 255 << 7

func row(dst []int16, src []byte, _ int, s Scale) {
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
