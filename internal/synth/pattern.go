package synth

import "github.com/steadyframe/steadyframe/frame"

// Pattern is a picture as a function: the colour of the pixel x, y.
type Pattern func(x, y int) (r, g, b uint8)

// Fill makes dst, of any size and format, the pattern p. It borrows dst, and allocates two rows.
func Fill(dst *frame.Frame, p Pattern) {
	var rows [2][]byte
	for i := range rows {
		rows[i] = make([]byte, dst.Desc.Width*3)
	}
	store(dst, rows, func(row []byte, y int) {
		for x := range len(row) / 3 {
			row[x*3+2], row[x*3+1], row[x*3] = p(x, y)
		}
	})
}

// Flat is one colour.
func Flat(r, g, b uint8) Pattern {
	return func(int, int) (uint8, uint8, uint8) { return r, g, b }
}

// Gradient rises in red across, in green downwards, and falls in blue across, over a picture of w x h pixels: each from
// end to end.
func Gradient(w, h int) Pattern {
	spanX, spanY := max(w-1, 1), max(h-1, 1)
	return func(x, y int) (r, g, b uint8) {
		return uint8(x * 255 / spanX), uint8(y * 255 / spanY), uint8(255 - x*255/spanX)
	}
}

// Checkerboard is black and white squares of cell pixels, black at 0, 0.
func Checkerboard(cell int) Pattern {
	return func(x, y int) (r, g, b uint8) {
		v := uint8((x/cell + y/cell) & 1 * 255)
		return v, v, v
	}
}

// Noise has samples that are 0 or 255 each on its own, by seed: the hardest picture to encode.
func Noise(seed uint64) Pattern {
	return func(x, y int) (r, g, b uint8) {
		bits := mix(seed, uint64(x), uint64(y))
		return uint8(bits&1) * 255, uint8(bits>>1&1) * 255, uint8(bits>>2&1) * 255
	}
}
