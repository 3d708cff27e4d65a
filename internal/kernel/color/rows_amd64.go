//go:build !purego

package color

// vectors is YCC, YCCHalf and Luma for vectors of samples. Where they don't fill the rows, the last one overlaps the one
// before it; rows of less than a vector, and the last sample of an odd number with its chroma, are for plain Go.
type vectors struct {
	size               int // samples of a vector
	ycc, yccHalf, luma func(dst, rgb [3]*int16, vectors int)
}

// at returns where the rows have sample x.
func at(rows [3][]int16, x int) [3]*int16 { return [3]*int16{&rows[0][x], &rows[1][x], &rows[2][x]} }

// cut returns the first n samples of each row.
func cut(rows [3][]int16, n int) [3][]int16 { return [3][]int16{rows[0][:n], rows[1][:n], rows[2][:n]} }

func (v *vectors) rowsYCC(dst, rgb [3][]int16) {
	n := len(dst[0])
	if n < v.size {
		ycc(dst, rgb)
		return
	}
	dst, rgb = cut(dst, n), cut(rgb, n)
	v.ycc(at(dst, 0), at(rgb, 0), n/v.size)
	if last := n - v.size; n%v.size != 0 {
		v.ycc(at(dst, last), at(rgb, last), 1)
	}
}

func (v *vectors) rowsYCCHalf(dst, rgb [3][]int16) {
	n := len(dst[0])
	rgb = cut(rgb, n)
	y, cb, cr := dst[0], dst[1][:(n+1)/2], dst[2][:(n+1)/2]
	if even := n &^ 1; even >= v.size {
		v.yccHalf([3]*int16{&y[0], &cb[0], &cr[0]}, at(rgb, 0), n/v.size)
		if last := even - v.size; even%v.size != 0 {
			v.yccHalf([3]*int16{&y[last], &cb[last/2], &cr[last/2]}, at(rgb, last), 1)
		}
		y, cb, cr, rgb = y[even:], cb[even/2:], cr[even/2:], [3][]int16{rgb[0][even:], rgb[1][even:], rgb[2][even:]}
	}
	yccHalf([3][]int16{y, cb, cr}, rgb)
}

func (v *vectors) rowsLuma(y []int16, rgb [3][]int16) {
	n := len(y)
	if n < v.size {
		luma(y, rgb)
		return
	}
	rgb = cut(rgb, n)
	v.luma([3]*int16{&y[0]}, at(rgb, 0), n/v.size)
	if last := n - v.size; n%v.size != 0 {
		v.luma([3]*int16{&y[last]}, at(rgb, last), 1)
	}
}
