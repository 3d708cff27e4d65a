//go:build !purego

package color

//go:noescape
func expandNEON(row *int16, vectors, slope, add, low, high int)

//go:noescape
func lumaTo601NEON(y, cb, cr *int16, vectors, wb, wr int)

//go:noescape
func lumaTo601HalfNEON(y, cb, cr *int16, vectors, wb, wr int)

//go:noescape
func chromaTo601NEON(cb, cr *int16, vectors, wbb, wbr, wrb, wrr int)

//go:noescape
func rgbNEON(y, cb, cr *int16, vectors, rCr, gCb, gCr, bCb int)

// What works in place can't let vectors overlap: it leaves what does not fill one, of 8 samples, to plain Go.

func expandLumaVectors(y []int16) {
	whole := len(y) &^ 7
	if whole > 0 {
		expandNEON(&y[0], whole/8, expandY, expandYOffset, -16384, 16256)
	}
	expandLuma(y[whole:])
}

func expandChromaVectors(c []int16) {
	whole := len(c) &^ 7
	if whole > 0 {
		expandNEON(&c[0], whole/8, expandC, 0, -16320, 16320)
	}
	expandChroma(c[whole:])
}

func lumaTo601Vectors(y, cb, cr []int16, shift uint) {
	size := 8 << shift // a vector of chroma, and the luma that goes with it
	whole := len(y) / size * size
	n := (len(y) + int(shift)) >> shift
	cb, cr = cb[:n], cr[:n]
	switch {
	case whole == 0:
	case shift == 0:
		lumaTo601NEON(&y[0], &cb[0], &cr[0], whole/size, y601Cb, y601Cr)
	default:
		lumaTo601HalfNEON(&y[0], &cb[0], &cr[0], whole/size, y601Cb, y601Cr)
	}
	lumaTo601(y[whole:], cb[whole>>shift:], cr[whole>>shift:], shift)
}

func chromaTo601Vectors(cb, cr []int16) {
	cr = cr[:len(cb)]
	whole := len(cb) &^ 7
	if whole > 0 {
		chromaTo601NEON(&cb[0], &cr[0], whole/8, cb601Cb, cb601Cr, cr601Cb, cr601Cr)
	}
	chromaTo601(cb[whole:], cr[whole:])
}

func rgbVectors(ycc [3][]int16, m Matrix) {
	n := len(ycc[0])
	y, cb, cr := ycc[0], ycc[1][:n], ycc[2][:n]
	whole := n &^ 7
	if whole > 0 {
		c := m.inverse()
		rgbNEON(&y[0], &cb[0], &cr[0], whole/8, int(c.rCr), int(c.gCb), int(c.gCr), int(c.bCb))
	}
	rgb([3][]int16{y[whole:], cb[whole:], cr[whole:]}, m)
}
