package oracle

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/frame"
)

// Planes returns the samples of f as they are stored: R, G, B in 0..255, or one plane of luma for Gray8, or luma, Cb and Cr, these with
// 128 taken off and halved in size. Ranges are not expanded. Floats are taken to 0..255 and clamped, NaN being 0.
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
	case frame.BGRF32P:
		return []Plane{floats(f, 2), floats(f, 1), floats(f, 0)}
	case frame.RGBF32P:
		return []Plane{floats(f, 0), floats(f, 1), floats(f, 2)}
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

func floats(f *frame.Frame, i int) Plane {
	p := NewPlane(f.Plane(i).Width, f.Plane(i).Height)
	for y := range p.Height {
		row := f.Row(i, y)
		for x := range p.Width {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*x:])))
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
