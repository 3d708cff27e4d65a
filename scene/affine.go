package scene

import "math"

// weightBits is that of the weights along one direction: they are in 2048ths, and those of a sample add up to 1<<22.
const weightBits = 11

// sample sets dst to pixels of the region, rgb24 of width x height without gaps: bilinear samples at the places that the
// pixels of line y of the background, from column x on, are in it.
//
// A place outside of the region is that of its edge. Its pixels are masked; those of the half pixel around the centers at
// the edge are not.
func (inv *inverse) sample(dst, pix []byte, width, height, x, y int) {
	scaleX, scaleY := float64(width)/float64(inv.width), float64(height)/float64(inv.height)
	for ; len(dst) >= 3; dst, x = dst[3:], x+1 {
		u, v := inv.at(x, y)
		// Centers have whole coordinates: a region of another size is resized about the corner of its first pixel.
		u, v = (u+0.5)*scaleX-0.5, (v+0.5)*scaleY-0.5
		column, fx := fixed(u, width)
		row, fy := fixed(v, height)
		right, below := 0, 0
		if column+1 < width {
			right = 3
		}
		if row+1 < height {
			below = 3 * width
		}
		at := 3 * (row*width + column)
		w11 := fx * fy
		w01 := fx<<weightBits - w11
		w10 := fy<<weightBits - w11
		w00 := 1<<(2*weightBits) - w01 - w10 - w11
		for c := range 3 {
			p := at + c
			sum := w00*uint32(pix[p]) + w01*uint32(pix[p+right]) + w10*uint32(pix[p+below]) + w11*uint32(pix[p+below+right])
			dst[c] = byte((sum + 1<<(2*weightBits-1)) >> (2 * weightBits))
		}
	}
}

// fixed returns the sample before place at, within 0..n-1, and how far behind it that is in 2048ths.
func fixed(at float64, n int) (sample int, frac uint32) {
	at = min(max(at, 0), float64(n-1))
	f := int64(math.Floor(at*(1<<weightBits) + 0.5))
	return int(f >> weightBits), uint32(f & (1<<weightBits - 1))
}
