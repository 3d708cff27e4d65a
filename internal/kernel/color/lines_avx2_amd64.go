//go:build !purego

package color

//go:noescape
func expandAVX2(row *int16, vectors int, slope, add, low, high int16)

//go:noescape
func lumaTo601AVX2(y, cb, cr *int16, vectors int, wb, wr int16)

//go:noescape
func lumaTo601HalfAVX2(y, cb, cr *int16, vectors int, wb, wr int16)

//go:noescape
func chromaTo601AVX2(cb, cr *int16, vectors int, wbb, wbr, wrb, wrr int16)

//go:noescape
func rgbAVX2(y, cb, cr *int16, vectors int, rCr, gCb, gCr, bCb int16)

// What works in place can't let vectors overlap: it leaves what does not fill one to plain Go.

// wholeAVX2 returns n, rounded down to whole vectors of 16 samples.
func wholeAVX2(n int) int { return n &^ 15 }

func expandLumaVectors(y []int16) {
	whole := wholeAVX2(len(y))
	if whole > 0 {
		expandAVX2(&y[0], whole/16, expandY, expandYOffset, -16384, 16256)
	}
	expandLuma(y[whole:])
}

func expandChromaVectors(c []int16) {
	whole := wholeAVX2(len(c))
	if whole > 0 {
		expandAVX2(&c[0], whole/16, expandC, 0, -16320, 16320)
	}
	expandChroma(c[whole:])
}

func lumaTo601Vectors(y, cb, cr []int16, shift uint) {
	whole := wholeAVX2(len(y))
	if shift != 0 {
		whole &^= 16 // a vector of chroma is two of luma
	}
	c := whole >> shift
	cb, cr = cb[:(len(y)+int(shift))>>shift], cr[:(len(y)+int(shift))>>shift]
	switch {
	case whole == 0:
	case shift == 0:
		lumaTo601AVX2(&y[0], &cb[0], &cr[0], whole/16, y601Cb, y601Cr)
	default:
		lumaTo601HalfAVX2(&y[0], &cb[0], &cr[0], whole/16, y601Cb, y601Cr)
	}
	lumaTo601(y[whole:], cb[c:], cr[c:], shift)
}

func chromaTo601Vectors(cb, cr []int16) {
	cr = cr[:len(cb)]
	whole := wholeAVX2(len(cb))
	if whole > 0 {
		chromaTo601AVX2(&cb[0], &cr[0], whole/16, cb601Cb, cb601Cr, cr601Cb, cr601Cr)
	}
	chromaTo601(cb[whole:], cr[whole:])
}

func rgbVectors(ycc [3][]int16, m Matrix) {
	n := len(ycc[0])
	y, cb, cr := ycc[0], ycc[1][:n], ycc[2][:n]
	whole := wholeAVX2(n)
	if whole > 0 {
		c := m.inverse()
		rgbAVX2(&y[0], &cb[0], &cr[0], whole/16, int16(c.rCr), int16(c.gCb), int16(c.gCr), int16(c.bCb))
	}
	rgb([3][]int16{y[whole:], cb[whole:], cr[whole:]}, m)
}
