package band

import "github.com/steadyframe/steadyframe/internal/kernel/color"

// fillDirect is fillSource for a source whose lines are input rows: two rows at a time, without the row cache.
func (sc *Scratch) fillDirect(src *source, first, from, to int) {
	for y := from; y < to; y += 2 {
		upper := sc.inputOf(src, first+y)
		lower := upper
		if y+1 < to { // else the last line of an odd height stands in for the one below, which is padding
			lower = sc.inputOf(src, first+y+1)
		}
		rows := color.Rows{Upper: upper, Lower: lower, Ahead: sc.aheadOfLine(src, first+y)}
		sc.sampler.kernels.color.PackedLines(sc.lines(y), rows, src.packed)
	}
}

// inputOf returns the input row that line n of Content is.
func (sc *Scratch) inputOf(src *source, n int) []byte {
	sc.made++
	return sc.input(src, 0, int(src.down.lines[n].row))
}

// aheadOfLine returns how many bytes ahead of the row that line n of Content is the kernel fetches rows; 0 below the last.
func (sc *Scratch) aheadOfLine(src *source, n int) int {
	lines := src.down.lines
	then := n + aheadOf(src.across.inputs()*src.step)
	if then >= len(lines) {
		return 0
	}
	return int(lines[then].row-lines[n].row) * sc.planes[src.input].Stride
}

// fillHalved is fillSource for a source whose samples are the means of 2x2 pixels: four rows at a time, without the row cache.
func (sc *Scratch) fillHalved(src *source, first, from, to int) {
	for y := from; y < to; y += 2 {
		last := min(y+1, to-1) // the last line of an odd height stands in for the one below, which is padding
		rows := color.Rows{Upper: sc.pairOf(src, first+y), Lower: sc.pairOf(src, first+last), Stride: sc.planes[src.input].Stride}
		rows.Ahead = sc.aheadOf(src, sc.pairAt(first+last)+2)
		sc.sampler.kernels.color.HalvedLines(sc.lines(y), rows, src.packed)
	}
}

// lines returns lines y and y+1 of Content, and the chroma that they share.
func (sc *Scratch) lines(y int) color.Lines {
	return color.Lines{Y: [2][]int16{sc.content(0, y), sc.content(0, y+1)}, Cb: sc.content(1, y/2), Cr: sc.content(2, y/2)}
}

// pairAt returns the first of the two input rows that line n of Content is made of.
func (sc *Scratch) pairAt(n int) int { return sc.sampler.config.Crop.Y + 2*n }

// pairOf returns these rows, with what lies between them.
func (sc *Scratch) pairOf(src *source, n int) []byte {
	sc.made += 2
	p, number := &sc.planes[src.input], sc.pairAt(n)
	from, to := src.across.first*src.step, (src.across.last+1)*src.step
	return p.Pix[number*p.Stride+from : (number+1)*p.Stride+to]
}

// aheadOf returns how many bytes ahead of rows those are that a kernel fetches, while it works on the ones before row next;
// 0 where these would be below the plane.
func (sc *Scratch) aheadOf(src *source, next int) int {
	p, rows := &sc.planes[src.input], aheadOf(src.across.inputs()*src.step)
	if next+rows > p.Height {
		return 0
	}
	return rows * p.Stride
}
