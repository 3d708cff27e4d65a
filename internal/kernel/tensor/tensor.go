// Package tensor reads rows of floating-point samples.
package tensor

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation.
type Kernels struct {
	samples int // of a vector, or pixels; more than there can be where there is no assembly

	// By whether samples are float16, these make so many vectors, one or more: of a row of samples, and of three of a row
	// of pixels. factor and offset are the bits of a float32.
	row    [2]func(dst *int16, src *byte, vectors, ahead, factor, offset int)
	pixels [2]func(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)
}

// Format says what samples are in memory, and takes them to 0..255 with 7 fractional bits: value*Factor + Offset. The product
// and the sum are rounded to float32 each: no fused multiply-add.
type Format struct {
	Half           bool // float16 (IEEE 754 binary16), else float32; both little-endian
	Factor, Offset float32
}

// Size returns the bytes of a sample.
func (f Format) Size() int {
	if f.Half {
		return 2
	}
	return 4
}

// index is where kernels have what reads samples of f.
func (f Format) index() int {
	if f.Half {
		return 1
	}
	return 0
}

// bits returns what kernels are told of f.
func (f Format) bits() (factor, offset int) {
	return int(math.Float32bits(f.Factor)), int(math.Float32bits(f.Offset))
}

// Row sets dst to the samples of src, scaled, rounded and clamped to 0..32640; NaN gives 0. src has as many as dst. It
// prefetches what lies ahead bytes behind src; 0: nothing.
func (k *Kernels) Row(dst []int16, src []byte, ahead int, f Format) {
	n, size := len(dst), f.Size()
	src = src[:size*n]
	if n < k.samples {
		row(dst, src, f)
		return
	}
	kernel := k.row[f.index()]
	factor, offset := f.bits()
	kernel(&dst[0], &src[0], n/k.samples, ahead, factor, offset)
	if last := n - k.samples; n%k.samples != 0 { // the last vector overlaps the one before it
		kernel(&dst[last], &src[size*last], 1, ahead, factor, offset)
	}
}

// Pixels is Row for pixels of three samples, of which each goes to a row of its own, all of one length.
func (k *Kernels) Pixels(dst [3][]int16, src []byte, ahead int, f Format) {
	n, size := len(dst[0]), 3*f.Size()
	first, second, third, src := dst[0], dst[1][:n], dst[2][:n], src[:size*n]
	if n < k.samples {
		pixels([3][]int16{first, second, third}, src, f)
		return
	}
	kernel := k.pixels[f.index()]
	factor, offset := f.bits()
	kernel(&first[0], &second[0], &third[0], &src[0], n/k.samples, ahead, factor, offset)
	if last := n - k.samples; n%k.samples != 0 {
		kernel(&first[last], &second[last], &third[last], &src[size*last], 1, ahead, factor, offset)
	}
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{samples: math.MaxInt})
}

// top is 255 with 7 fractional bits.
const top = 255 << 7

func row(dst []int16, src []byte, f Format) {
	if f.Half {
		src = src[:2*len(dst)]
		for i := range dst {
			dst[i] = f.sample(half(binary.LittleEndian.Uint16(src[2*i : 2*i+2])))
		}
		return
	}
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = f.sample(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i : 4*i+4])))
	}
}

func pixels(dst [3][]int16, src []byte, f Format) {
	n := len(dst[0])
	first, second, third := dst[0], dst[1][:n], dst[2][:n]
	if f.Half {
		src = src[:6*n]
		for i := range first {
			p := src[6*i : 6*i+6]
			first[i] = f.sample(half(binary.LittleEndian.Uint16(p)))
			second[i] = f.sample(half(binary.LittleEndian.Uint16(p[2:])))
			third[i] = f.sample(half(binary.LittleEndian.Uint16(p[4:])))
		}
		return
	}
	src = src[:12*n]
	for i := range first {
		p := src[12*i : 12*i+12]
		first[i] = f.sample(math.Float32frombits(binary.LittleEndian.Uint32(p)))
		second[i] = f.sample(math.Float32frombits(binary.LittleEndian.Uint32(p[4:])))
		third[i] = f.sample(math.Float32frombits(binary.LittleEndian.Uint32(p[8:])))
	}
}

// sample returns the sample of a value. Those of subnormal numbers are as of 0: no factor makes them count, and a product of one
// takes many processors some 150 cycles, which a caller must not be able to ask for.
func (f Format) sample(v float32) int16 {
	const exponent = 0xff << 23
	if math.Float32bits(v)&exponent == 0 {
		v = 0
	}
	// The conversion keeps the compiler from fusing product and sum (Go specification, Floating-point operators).
	t := float32(v*f.Factor) + f.Offset
	switch {
	case !(t > 0): // NaN too
		return 0
	case t >= top:
		return top
	}
	return int16(int32(t + 0.5))
}

// half returns the value of a float16 with these bits, exactly (IEEE 754-2019, 3.4): the fraction and the exponent are put
// where float32 has them, and the exponent's bias is 127 in place of 15. Subnormals have the exponent of 2^-14, and are normal
// in float32.
func half(bits uint16) float32 {
	const exponent = 0x7c00
	magnitude, sign := uint32(bits&0x7fff), uint32(bits&0x8000)<<16
	switch bits & exponent {
	case exponent: // infinity, NaN
		magnitude = 0x7f800000 | magnitude<<13
	case 0:
		magnitude = math.Float32bits(float32(magnitude) * 0x1p-24)
	default:
		magnitude = magnitude<<13 + (127-15)<<23
	}
	return math.Float32frombits(sign | magnitude)
}
