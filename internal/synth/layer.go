package synth

import "math"

// grainLevels is the grain's amplitude: it adds 0..2*grainLevels to each sample. Layers are stored lower by as much as
// it adds on average, within 0..255-2*grainLevels, so that the sum needs no clamping, in eight samples at once.
const grainLevels = 3

// layer is an image ready to be composed: packed BGR samples, less the grain, with coverage.
type layer struct {
	w, h  int
	pix   []byte // h rows of w*3 bytes
	alpha []byte // h rows of w bytes; 255 is opaque
	rows  []rowKind
}

// rowKind says how a row of a layer covers what is behind it.
type rowKind uint8

const (
	rowMixed rowKind = iota
	rowEmpty
	rowOpaque
)

// layer returns what is painted on cv, ready to be composed.
func (cv *canvas) layer() *layer {
	l := &layer{w: cv.w, h: cv.h, pix: make([]byte, cv.w*cv.h*3), alpha: make([]byte, cv.w*cv.h), rows: make([]rowKind, cv.h)}
	for i, c := range cv.color {
		l.pix[i*3], l.pix[i*3+1], l.pix[i*3+2] = level(c.b), level(c.g), level(c.r)
		l.alpha[i] = byte(math.Round(float64(cv.alpha[i]) * 255))
	}
	for y := range l.rows {
		l.rows[y] = kindOf(l.alpha[y*l.w:][:l.w])
	}
	return l
}

// level returns the stored sample of v, 0..1.
func level(v float32) byte { return byte(math.Round(clamp01(float64(v)) * (255 - 2*grainLevels))) }

func kindOf(alpha []byte) rowKind {
	lo, hi := alpha[0], alpha[0]
	for _, a := range alpha {
		lo, hi = min(lo, a), max(hi, a)
	}
	switch {
	case lo == 255:
		return rowOpaque
	case hi == 0:
		return rowEmpty
	}
	return rowMixed
}

// kind returns how row y covers; rows outside the layer are empty.
func (l *layer) kind(y int) rowKind {
	if y < 0 || y >= l.h {
		return rowEmpty
	}
	return l.rows[y]
}

// draw composes row y of l, from its column x on, wrapping around, over the packed BGR samples dst.
func (l *layer) draw(dst []byte, x, y int) {
	for len(dst) > 0 {
		n := min(len(dst)/3, l.w-x)
		l.over(dst[:n*3], x, y)
		dst, x = dst[n*3:], 0
	}
}

// over composes row y of l, from column x on, over dst, without wrapping around.
func (l *layer) over(dst []byte, x, y int) {
	i := y*l.w + x
	src := l.pix[i*3:][:len(dst)]
	if l.rows[y] == rowOpaque {
		copy(dst, src)
		return
	}
	alpha := l.alpha[i:][:len(dst)/3]
	for j, a := range alpha {
		if a == 0 {
			continue
		}
		d, s := dst[j*3:j*3+3:j*3+3], src[j*3:j*3+3:j*3+3]
		if a == 255 {
			d[0], d[1], d[2] = s[0], s[1], s[2]
			continue
		}
		d[0], d[1], d[2] = blend(d[0], s[0], a), blend(d[1], s[1], a), blend(d[2], s[2], a)
	}
}

// blend returns d + (s-d)*a/255, rounded; the division by 255 is exact for all bytes (Blinn, Three Wrongs Make a Right,
// 1995).
func blend(d, s, a byte) byte {
	v := uint32(s)*uint32(a) + uint32(d)*uint32(255-a) + 128
	return byte((v + v>>8) >> 8)
}
