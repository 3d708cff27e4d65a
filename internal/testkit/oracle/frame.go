package oracle

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/frame"
)

// Planes returns the samples of f as they are stored: R, G, B in 0..255, or one plane of luma for Gray8, or luma, Cb
// and Cr, these with 128 subtracted and halved in size. Ranges are not expanded. Floats are taken to 0..255 and
// clamped, NaN being 0.
func Planes(f *frame.Frame) []Plane {
	switch f.Desc.Format {
	case frame.BGR24, frame.BGRA:
		return []Plane{bytes(f, 0, 2, 0), bytes(f, 0, 1, 0), bytes(f, 0, 0, 0)}
	case frame.RGB24, frame.RGBA:
		return []Plane{bytes(f, 0, 0, 0), bytes(f, 0, 1, 0), bytes(f, 0, 2, 0)}
	case frame.Gray8:
		return []Plane{bytes(f, 0, 0, 0)}
	case frame.I420:
		return []Plane{bytes(f, 0, 0, 0), bytes(f, 1, 0, 128), bytes(f, 2, 0, 128)}
	case frame.NV12:
		return []Plane{bytes(f, 0, 0, 0), bytes(f, 1, 0, 128), bytes(f, 1, 1, 128)}
	case frame.BGR24P:
		return []Plane{bytes(f, 2, 0, 0), bytes(f, 1, 0, 0), bytes(f, 0, 0, 0)}
	case frame.RGB24P:
		return []Plane{bytes(f, 0, 0, 0), bytes(f, 1, 0, 0), bytes(f, 2, 0, 0)}
	case frame.BGRF32P, frame.BGRF16P:
		return []Plane{floats(f, 2, 0, 1), floats(f, 1, 0, 1), floats(f, 0, 0, 1)}
	case frame.RGBF32P, frame.RGBF16P:
		return []Plane{floats(f, 0, 0, 1), floats(f, 1, 0, 1), floats(f, 2, 0, 1)}
	case frame.BGRF32, frame.BGRF16:
		return []Plane{floats(f, 0, 2, 3), floats(f, 0, 1, 3), floats(f, 0, 0, 3)}
	case frame.RGBF32, frame.RGBF16:
		return []Plane{floats(f, 0, 0, 3), floats(f, 0, 1, 3), floats(f, 0, 2, 3)}
	}
	panic("oracle: unknown format")
}

// bytes returns the byte at offset of each sample of plane i, less zero.
func bytes(f *frame.Frame, i, offset int, zero float64) Plane {
	size := f.Desc.Format.SampleBytes(i)
	p := NewPlane(f.Plane(i).Width, f.Plane(i).Height)
	for y := range p.Height {
		row := f.Row(i, y)
		for x := range p.Width {
			p.Pix[y*p.Width+x] = float64(row[x*size+offset]) - zero
		}
	}
	return p
}

// floats returns the sample at offset of each of the plane's step samples.
func floats(f *frame.Frame, i, offset, step int) Plane {
	p := NewPlane(f.Plane(i).Width, f.Plane(i).Height)
	for y := range p.Height {
		row := f.Row(i, y)
		for x := range p.Width {
			v := float(f.Desc.Format, row, x*step+offset)
			switch f.Desc.EffectiveRange() {
			case frame.RangeUnit:
				v *= 255
			case frame.RangeSigned:
				v = (v + 1) * 127.5
			}
			if !(v > 0) {
				v = 0
			}
			p.Pix[y*p.Width+x] = min(v, 255)
		}
	}
	return p
}

// float returns float i of a row.
func float(f frame.PixelFormat, row []byte, i int) float64 {
	switch f {
	case frame.BGRF16P, frame.RGBF16P, frame.BGRF16, frame.RGBF16:
		return Half(binary.LittleEndian.Uint16(row[2*i:]))
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:])))
}

// Half returns the value of a float16 (IEEE 754-2019, 3.4) with these bits: sign, 5 of the exponent, 10 of the fraction.
func Half(bits uint16) float64 {
	sign := 1 - 2*float64(bits>>15)
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	switch {
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	case exponent < 31:
		return sign * math.Ldexp(1024+fraction, exponent-25)
	case fraction == 0:
		return math.Inf(int(sign))
	}
	return math.NaN()
}

// ToHalf returns the bits of the float16 that is nearest to v, of two that are equally near the one whose last bit is 0.
func ToHalf(v float64) uint16 {
	sign := uint16(0)
	if math.Signbit(v) {
		sign = 0x8000
	}
	v = math.Abs(v)
	_, exponent := math.Frexp(v)                                // v is in 2^(exponent-1)..2^exponent
	exponent = max(exponent, -13)                               // the smallest that are normal, and the subnormal below
	switch n := math.RoundToEven(math.Ldexp(v, 11-exponent)); { // in steps of what the last bit is worth
	case math.IsNaN(v):
		return 0x7e00
	case v >= 65520:
		return sign | 0x7c00
	case v == 0:
		return sign
	default:
		return sign | uint16((exponent+13)<<10) + uint16(n) // n is 1024 or more, but for the subnormal
	}
}
