//go:build !purego && (amd64 || arm64)

package color

// halver is HalvedLines for blocks of samples. Where they don't fill the line, the last one overlaps the one before it;
// lines of less than a block, and the last sample of an odd number with its chroma, are for plain Go.
type halver struct {
	block  int             // samples of a line
	lines  [2]halverKernel // by Step-3
	places places
}

type halverKernel func(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

func (h *halver) halvedLines(dst Lines, rows Rows, p Packed) {
	n := len(dst.Y[0])
	y0, y1, cb, cr := dst.Y[0], dst.Y[1][:n], dst.Cb[:(n+1)/2], dst.Cr[:(n+1)/2]
	if even := n &^ 1; even >= h.block {
		pixel, end := 2*p.Step, rows.Stride+2*n*p.Step // bytes of a sample; of what is read
		upper, lower := rows.Upper[:end], rows.Lower[:end]
		kernel, places := h.lines[p.Step-3], h.places.of(p)
		kernel(&y0[0], &y1[0], &cb[0], &cr[0], &upper[0], &lower[0], rows.Stride, rows.Ahead, n/h.block, places)
		if at := even - h.block; even%h.block != 0 {
			kernel(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &upper[at*pixel], &lower[at*pixel], rows.Stride, rows.Ahead, 1, places)
		}
		y0, y1, cb, cr = y0[even:], y1[even:], cb[even/2:], cr[even/2:]
		rows.Upper, rows.Lower = upper[even*pixel:], lower[even*pixel:]
	}
	if len(y0) > 0 {
		halvedLines(Lines{Y: [2][]int16{y0, y1}, Cb: cb, Cr: cr}, rows, p)
	}
}
