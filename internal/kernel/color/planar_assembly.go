//go:build !purego && (amd64 || arm64)

package color

// planar is PlanarLines and HalvedPlanarLines for blocks of samples. Where they don't fill the line, the last one overlaps the
// one before it; lines of less than a block, and the last sample of an odd number with its chroma, are for plain Go.
type planar struct {
	lines, halved planarKernel
	halvedBlock   int // samples of a line that halved makes at a time; of lines it is block
}

// planarKernel makes blocks of two lines. rows are what they are made of: R, G, B of the upper line and of the lower, of two rows
// in turn where the lines are halved.
type planarKernel func(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)

func (p *planar) planarLines(dst Lines, rgb *[3]Rows) {
	n := len(dst.Y[0])
	y0, y1, cb, cr := dst.Y[0], dst.Y[1][:n], dst.Cb[:(n+1)/2], dst.Cr[:(n+1)/2]
	even := n &^ 1
	if even < block {
		planarLines(dst, rgb)
		return
	}
	var rows [6]*byte
	for c := range rgb {
		rows[c], rows[3+c] = &rgb[c].Upper[:n][0], &rgb[c].Lower[:n][0]
	}
	p.lines(&y0[0], &y1[0], &cb[0], &cr[0], &rows[0], rgb[0].Ahead, n/block)
	if at := even - block; even%block != 0 {
		for c := range rgb {
			rows[c], rows[3+c] = &rgb[c].Upper[at], &rgb[c].Lower[at]
		}
		p.lines(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &rows[0], rgb[0].Ahead, 1)
	}
	if even < n {
		last := *rgb
		for c := range last {
			last[c].Upper, last[c].Lower = last[c].Upper[even:], last[c].Lower[even:]
		}
		planarLines(Lines{Y: [2][]int16{y0[even:], y1[even:]}, Cb: cb[even/2:], Cr: cr[even/2:]}, &last)
	}
}

func (p *planar) halvedPlanarLines(dst Lines, rgb *[3]Rows) {
	n := len(dst.Y[0])
	y0, y1, cb, cr := dst.Y[0], dst.Y[1][:n], dst.Cb[:(n+1)/2], dst.Cr[:(n+1)/2]
	even := n &^ 1
	if even < p.halvedBlock {
		halvedPlanarLines(dst, rgb)
		return
	}
	rows := halvedRows(rgb, 0, n)
	p.halved(&y0[0], &y1[0], &cb[0], &cr[0], &rows[0], rgb[0].Ahead, n/p.halvedBlock)
	if at := even - p.halvedBlock; even%p.halvedBlock != 0 {
		rows = halvedRows(rgb, at, n)
		p.halved(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &rows[0], rgb[0].Ahead, 1)
	}
	if even < n {
		last := *rgb
		for c := range last {
			last[c].Upper, last[c].Lower = last[c].Upper[2*even:], last[c].Lower[2*even:]
		}
		halvedPlanarLines(Lines{Y: [2][]int16{y0[even:], y1[even:]}, Cb: cb[even/2:], Cr: cr[even/2:]}, &last)
	}
}

// halvedRows returns where sample at of n begins in the rows of each channel and line.
func halvedRows(rgb *[3]Rows, at, n int) (rows [12]*byte) {
	for c := range rgb {
		end := rgb[c].Stride + 2*n // of what is read
		for line := range 2 {
			pair := rgb[c].of(line)[:end]
			rows[6*line+2*c], rows[6*line+2*c+1] = &pair[2*at], &pair[rgb[c].Stride+2*at]
		}
	}
	return rows
}
