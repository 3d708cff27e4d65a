//go:build !purego && (amd64 || arm64)

package color

// vectors is YCC, YCCHalf and Luma for vectors of samples. Where they don't fill the rows, the last one overlaps the one
// before it; rows of less than a vector, and the last sample of an odd number with its chroma, are for plain Go.
type vectors struct {
	size               int // samples of a vector
	ycc, yccHalf, luma func(first, second, third, red, green, blue *int16, vectors int)
}

func (v *vectors) rowsYCC(dst, rgb [3][]int16) {
	n := len(dst[0])
	if n < v.size {
		ycc(dst, rgb)
		return
	}
	y, cb, cr := dst[0], dst[1][:n], dst[2][:n]
	r, g, b := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	v.ycc(&y[0], &cb[0], &cr[0], &r[0], &g[0], &b[0], n/v.size)
	if at := n - v.size; n%v.size != 0 {
		v.ycc(&y[at], &cb[at], &cr[at], &r[at], &g[at], &b[at], 1)
	}
}

func (v *vectors) rowsYCCHalf(dst, rgb [3][]int16) {
	n := len(dst[0])
	y, cb, cr := dst[0], dst[1][:(n+1)/2], dst[2][:(n+1)/2]
	r, g, b := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	if even := n &^ 1; even >= v.size {
		v.yccHalf(&y[0], &cb[0], &cr[0], &r[0], &g[0], &b[0], n/v.size)
		if at := even - v.size; even%v.size != 0 {
			v.yccHalf(&y[at], &cb[at/2], &cr[at/2], &r[at], &g[at], &b[at], 1)
		}
		y, cb, cr, r, g, b = y[even:], cb[even/2:], cr[even/2:], r[even:], g[even:], b[even:]
	}
	if len(y) > 0 {
		yccHalf([3][]int16{y, cb, cr}, [3][]int16{r, g, b})
	}
}

func (v *vectors) rowsLuma(y []int16, rgb [3][]int16) {
	n := len(y)
	if n < v.size {
		luma(y, rgb)
		return
	}
	r, g, b := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	v.luma(&y[0], nil, nil, &r[0], &g[0], &b[0], n/v.size)
	if at := n - v.size; n%v.size != 0 {
		v.luma(&y[at], nil, nil, &r[at], &g[at], &b[at], 1)
	}
}
