//go:build !purego && (amd64 || arm64)

package color

import "github.com/steadyframe/steadyframe/internal/impl"

// planar is PlanarLines and HalvedPlanarLines for blocks of samples. Where they don't fill the line, the last one overlaps the
// one before it; lines of less than a block, and the last sample of an odd number with its chroma, are for plain Go. Its kernels
// lines and halved are methods, not functions that it has, so that the compiler sees that they don't keep rows.
type planar struct {
	level       impl.Level
	halvedBlock int // samples of a line that halved makes at a time; of lines it is block
}

func (p *planar) planarLines(dst Lines, rgb [3]Rows) {
	n := len(dst.Y[0])
	y0, y1, cb, cr := dst.Y[0], dst.Y[1][:n], dst.Cb[:(n+1)/2], dst.Cr[:(n+1)/2]
	even := n &^ 1
	if even < block {
		planarLines(dst, rgb)
		return
	}
	rows := rowsAt(&rgb, 0, n)
	p.lines(&y0[0], &y1[0], &cb[0], &cr[0], &rows[0], rgb[0].Ahead, n/block)
	if at := even - block; even%block != 0 {
		rows = rowsAt(&rgb, at, n)
		p.lines(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &rows[0], rgb[0].Ahead, 1)
	}
	if even < n {
		planarLines(dst.from(even), rowsFrom(rgb, even))
	}
}

func (p *planar) halvedPlanarLines(dst Lines, rgb [3]Rows) {
	n := len(dst.Y[0])
	y0, y1, cb, cr := dst.Y[0], dst.Y[1][:n], dst.Cb[:(n+1)/2], dst.Cr[:(n+1)/2]
	even := n &^ 1
	if even < p.halvedBlock {
		halvedPlanarLines(dst, rgb)
		return
	}
	rows := halvedRowsAt(&rgb, 0, n)
	p.halved(&y0[0], &y1[0], &cb[0], &cr[0], &rows[0], rgb[0].Ahead, n/p.halvedBlock)
	if at := even - p.halvedBlock; even%p.halvedBlock != 0 {
		rows = halvedRowsAt(&rgb, at, n)
		p.halved(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &rows[0], rgb[0].Ahead, 1)
	}
	if even < n {
		halvedPlanarLines(dst.from(even), rowsFrom(rgb, 2*even))
	}
}

// rowsAt returns where sample at of n begins in the rows of each line: R, G, B of the upper, and then of the lower.
func rowsAt(rgb *[3]Rows, at, n int) (rows [6]*byte) {
	for c := range rgb {
		for line := range 2 {
			rows[3*line+c] = &rgb[c].of(line)[:n][at]
		}
	}
	return rows
}

// halvedRowsAt is rowsAt for lines that are made of two rows of each channel.
func halvedRowsAt(rgb *[3]Rows, at, n int) (rows [12]*byte) {
	for c := range rgb {
		end := rgb[c].Stride + 2*n // of what is read
		for line := range 2 {
			pair := rgb[c].of(line)[:end]
			rows[6*line+2*c], rows[6*line+2*c+1] = &pair[2*at], &pair[rgb[c].Stride+2*at]
		}
	}
	return rows
}

// rowsFrom returns what is left of rows behind so many bytes.
func rowsFrom(rgb [3]Rows, at int) [3]Rows {
	for c := range rgb {
		rgb[c].Upper, rgb[c].Lower = rgb[c].Upper[at:], rgb[c].Lower[at:]
	}
	return rgb
}

// from returns what is left of lines behind an even number of samples.
func (l Lines) from(at int) Lines {
	return Lines{Y: [2][]int16{l.Y[0][at:], l.Y[1][at:]}, Cb: l.Cb[at/2:], Cr: l.Cr[at/2:]}
}
