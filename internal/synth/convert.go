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
		case frame.BGRF32P, frame.RGBF32P:
			storeFloats(dst, y, row)
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
		default:
			storePacked(dst.Row(0, y), d.Format, row)
		}
	}
}

// storePacked writes a row of packed BGR as bgr24, rgb24, bgra or rgba.
func storePacked(out []byte, f frame.PixelFormat, row []byte) {
	step, b, r := f.SampleBytes(0), 0, 2
	if f == frame.RGB24 || f == frame.RGBA {
		b, r = 2, 0
	}
	for i, o := 0, 0; i < len(row); i, o = i+3, o+step {
		out[o+b], out[o+1], out[o+r] = row[i], row[i+1], row[i+2]
		if step == 4 {
			out[o+3] = 255
		}
	}
}

// storeFloats writes row y of packed BGR into planes of float32, scaled to the range.
func storeFloats(dst *frame.Frame, y int, row []byte) {
	scale, offset := 1.0/255, 0.0
	switch dst.Desc.EffectiveRange() {
	case frame.RangeByte:
		scale = 1
	case frame.RangeSigned:
		scale, offset = 2.0/255, -1
	}
	for i := range 3 {
		part := i // of a pixel in row
		if dst.Desc.Format == frame.RGBF32P {
			part = 2 - i
		}
		out := dst.Row(i, y)
		for x := range dst.Desc.Width {
			v := float32(float64(row[x*3+part])*scale + offset)
			binary.LittleEndian.PutUint32(out[x*4:], math.Float32bits(v))
		}
	}
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
