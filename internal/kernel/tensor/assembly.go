//go:build !purego && (amd64 || arm64)

package tensor

import "math"

// assembly is the function of one level in assembly, which makes so many samples at a time, vectors > 0 times. factor and
// offset are the bits of a float32.
type assembly struct {
	samples int
	row     func(dst *int16, src *byte, vectors, ahead, factor, offset int)
}

// scaleRow leaves rows of less than a vector to plain Go; in longer ones the last vector may overlap the one before it.
func (a *assembly) scaleRow(dst []int16, src []byte, ahead int, s Scale) {
	n := len(dst)
	src = src[:4*n]
	if n < a.samples {
		row(dst, src, ahead, s)
		return
	}
	factor, offset := int(math.Float32bits(s.Factor)), int(math.Float32bits(s.Offset))
	a.row(&dst[0], &src[0], n/a.samples, ahead, factor, offset)
	if last := n - a.samples; n%a.samples != 0 {
		a.row(&dst[last], &src[4*last], 1, ahead, factor, offset)
	}
}
