package synth

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/frame"
)

// store fills dst from packed BGR rows: source makes row y. rows are scratch for two of them. The conversion is the
// definition, in floating point, rounded once; chroma that is halved is that of the mean of its pixels' colors, as
// JPEG sites it.
func store(dst *frame.Frame, rows [2][]byte, source func(row []byte, y int)) {
	d := dst.Desc
	for y := range d.Height {
		row := rows[y&1]
		source(row, y)
		switch d.Format {
		case frame.I420, frame.NV12, frame.Gray8:
			m := matrixOf(d)
			for x, out := 0, dst.Row(0, y); x < d.Width; x++ {
				out[x] = m.luma(float64(row[x*3+2]), float64(row[x*3+1]), float64(row[x*3]))
			}
			if d.Format == frame.Gray8 {
				continue
			}
			if y&1 == 1 {
				storeChroma(dst, y/2, m, rows[0], rows[1])
			} else if y == d.Height-1 {
				storeChroma(dst, y/2, m, row, row)
			}
		case frame.BGR24, frame.RGB24, frame.BGRA, frame.RGBA:
			storePacked(dst.Row(0, y), d.Format, row)
		default:
			storeTensor(dst, y, row)
		}
	}
}

// storePacked writes a row of packed BGR as bgr24, rgb24, bgra or rgba.
func storePacked(out []byte, f frame.PixelFormat, row []byte) {
	step, b, r := f.SampleBytes(0), 0, 2
	if !f.IsBGR() {
		b, r = 2, 0
	}
	for i, o := 0, 0; i < len(row); i, o = i+3, o+step {
		out[o+b], out[o+1], out[o+r] = row[i], row[i+1], row[i+2]
		if step == 4 {
			out[o+3] = 255
		}
	}
}

// storeTensor writes row y of packed BGR into planes of bytes, or into planes or pixels of floats, scaled to the range.
func storeTensor(dst *frame.Frame, y int, row []byte) {
	f := dst.Desc.Format
	for part := range 3 { // of a pixel in row: B, G, R
		channel := part
		if !f.IsBGR() {
			channel = 2 - part
		}
		plane, first := channel, 0
		if f.Planes() == 1 {
			plane, first = 0, channel
		}
		step := 3 / f.Planes()
		out := dst.Row(plane, y)
		for x := range dst.Desc.Width {
			v, at := row[x*3+part], x*step+first
			switch {
			case f.IsFloat16():
				binary.LittleEndian.PutUint16(out[at*2:], toHalf(toFloat(v, dst.Desc)))
			case f.IsFloat():
				binary.LittleEndian.PutUint32(out[at*4:], math.Float32bits(toFloat(v, dst.Desc)))
			default:
				out[at] = v
			}
		}
	}
}

// toFloat returns a byte in the range of d.
func toFloat(v byte, d frame.Desc) float32 {
	switch d.EffectiveRange() {
	case frame.RangeByte:
		return float32(v)
	case frame.RangeSigned:
		return float32(float64(v)*(2.0/255) - 1)
	}
	return float32(float64(v) * (1.0 / 255))
}

// toHalf returns the bits of the float16 that is nearest to v, of two the even one. v is 0, or from 2^-14 to 65504 in size.
func toHalf(v float32) uint16 {
	const bias = (127 - 15) << 23 // how much larger the exponents of float32 are stored
	b := math.Float32bits(v)
	sign, size := uint16(b>>16&0x8000), b&0x7fffffff
	if size == 0 {
		return sign
	}
	return sign | uint16((size-bias+0xfff+size>>13&1)>>13)
}

// matrix makes luma and chroma of R, G and B, 0..255.
type matrix struct {
	kr, kb                float64 // the weights of R and B in luma
	black, yScale, cScale float64
}

// matrixOf returns the matrix of d's color space and range: Recommendations ITU-R BT.601-7 section 2.5, BT.709-6
// section 3.
func matrixOf(d frame.Desc) matrix {
	m := matrix{kr: 0.299, kb: 0.114, yScale: 1, cScale: 1}
	if d.Color == frame.BT709 {
		m.kr, m.kb = 0.2126, 0.0722
	}
	if d.EffectiveRange() == frame.RangeLimited {
		m.black, m.yScale, m.cScale = 16, 219.0/255, 224.0/255
	}
	return m
}

func (m matrix) exactLuma(r, g, b float64) float64 { return m.kr*r + (1-m.kr-m.kb)*g + m.kb*b }

func (m matrix) luma(r, g, b float64) byte { return toByte(m.black + m.yScale*m.exactLuma(r, g, b)) }

func (m matrix) chroma(r, g, b float64) (cb, cr byte) {
	y := m.exactLuma(r, g, b)
	return toByte(128 + m.cScale*(b-y)/(2*(1-m.kb))), toByte(128 + m.cScale*(r-y)/(2*(1-m.kr)))
}

func toByte(v float64) byte { return byte(math.Round(min(max(v, 0), 255))) }

// storeChroma writes chroma row y of I420 or NV12 from the two rows of packed BGR that it covers.
func storeChroma(dst *frame.Frame, y int, m matrix, upper, lower []byte) {
	w := dst.Desc.Width
	cbRow, crRow, step := dst.Row(1, y), dst.Row(1, y)[1:], 2
	if dst.Desc.Format == frame.I420 {
		crRow, step = dst.Row(2, y), 1
	}
	for x := range frame.ChromaSize(w) {
		left, right := 2*x, min(2*x+1, w-1)
		var mean [3]float64
		for i := range mean {
			mean[i] = float64(int(upper[left*3+i])+int(upper[right*3+i])+int(lower[left*3+i])+int(lower[right*3+i])) / 4
		}
		cbRow[x*step], crRow[x*step] = m.chroma(mean[2], mean[1], mean[0])
	}
}
