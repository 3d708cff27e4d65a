package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
)

// Begin starts a new frame: it drops what the scratch remembers of the last.
func (s *Sampler) Begin(sc *Scratch) {
	if sc.sampler != s {
		panic("band: scratch of another Sampler")
	}
	sc.next = -1
}

// Fill makes band i of f in sc.Band. Any order of i gives the same samples; rising order is fastest: each input row is then read once. It
// borrows f, whose Desc must be Config.In, and panics when it is not.
func (s *Sampler) Fill(sc *Scratch, f *frame.Frame, i int) {
	switch {
	case sc.sampler != s:
		panic("band: scratch of another Sampler")
	case f.Desc != s.config.In || s.config.Chroma != (Chroma{}):
		panic("band: frame differs from Config.In")
	}
	s.FillPlanes(sc, f.Planes(), i)
}

// FillPlanes is Fill for the planes of an image that need not be a frame. It borrows them. Those that are shorter than
// Config.In says make it panic.
func (s *Sampler) FillPlanes(sc *Scratch, planes []frame.Plane, i int) {
	switch {
	case sc.sampler != s:
		panic("band: scratch of another Sampler")
	case i < 0 || i >= s.Bands():
		panic("band: no such band")
	}
	if i != sc.next {
		for k := range s.sources {
			sc.caches[k].drop()
		}
	}
	sc.next = i + 1
	copy(sc.planes[:], planes)

	c := &s.config
	top := i * c.Lines
	sc.Band.Lines = min(c.Lines, c.Height-top)
	from, to := max(c.Content.Y-top, 0), min(c.Content.Y+c.Content.Height-top, sc.Band.Lines)
	if from < to {
		for k := range s.sources {
			sc.fillSource(&s.sources[k], &sc.caches[k], top, from, to)
		}
		sc.finish(from, to)
	}
	sc.surround(from, to)
	s.pad(&sc.Band, 0, c.Width)
	sc.planes = [3]frame.Plane{}
}

// fillSource makes the samples of Content in lines from..to of the band that begins at line top of the canvas.
func (sc *Scratch) fillSource(src *source, c *cache, top, from, to int) {
	s := sc.sampler
	subY := s.planes[src.first].subY
	from, to = from/subY, (to+subY-1)/subY
	first := (top - s.config.Content.Y) / subY // line of Content that line 0 of the band is, or would be: both lie on the chroma grid
	switch {
	case src.halves:
		sc.fillHalved(src, first, from, to)
		return
	case src.direct:
		sc.fillDirect(src, first, from, to)
		return
	}
	if src.halved {
		sc.fillPairs(src, c, first, from, to)
		return
	}
	for y := from; y < to; y++ {
		v := sc.line(src, c, first+y, 0)
		for p := range src.count {
			sc.blend(src, p, y, v)
		}
	}
}

// fillPairs is fillSource for a source whose lines share chroma by two.
func (sc *Scratch) fillPairs(src *source, c *cache, first, from, to int) {
	k := &sc.sampler.kernels.blend
	for y := from; y < to; y += 2 {
		dst := blend.Pair{Y: sc.content(0, y), Cb: sc.content(1, y/2), Cr: sc.content(2, y/2)}
		upper := sc.line(src, c, first+y, 0)
		lower := upper
		if y+1 < to { // else the last line of an odd height stands in for the one below
			lower = sc.line(src, c, first+y+1, 1)
			dst.Below = sc.content(0, y+1)
		}
		k.Pair(&dst, &upper, &lower)
	}
}

// line returns where line n of Content lies between rows. Of two lines that share their chroma, the lower has part 1.
func (sc *Scratch) line(src *source, c *cache, n, part int) blend.Place {
	if src.down.method == Area {
		mean := &c.lines[part]
		if src.stacks {
			sc.stack(src, c, n, mean)
		} else {
			sc.mean(src, c, n, mean)
		}
		return blend.Place{A: mean}
	}
	l := src.down.lines[n]
	v := blend.Place{A: sc.row(src, c, int(l.row)), W: l.weight}
	if l.weight != 0 {
		v.B = sc.row(src, c, int(l.row)+1)
	}
	return v
}

// mean sets dst to the mean of the rows that line n covers.
func (sc *Scratch) mean(src *source, c *cache, n int, dst *[3][]int16) {
	k := &sc.sampler.kernels.blend
	span := src.down.cover[n]
	for i, w := range span.weights {
		rows := sc.row(src, c, span.row+i)
		for p := range src.count {
			k.Accumulate(c.sums[p], rows[p], w)
		}
	}
	for p := range src.count {
		k.Resolve(dst[p], c.sums[p])
	}
}

// blend makes Content's part of line y of the source's plane p.
func (sc *Scratch) blend(src *source, p, y int, v blend.Place) {
	k := &sc.sampler.kernels.blend
	dst := sc.content(src.first+p, y)
	if v.W == 0 {
		k.Line(dst, v.A[p])
	} else {
		k.Lerp(dst, v.A[p], v.B[p], v.W)
	}
}

// fillDirect is fillSource for a source whose lines are input rows: two rows at a time, without the row cache.
func (sc *Scratch) fillDirect(src *source, first, from, to int) {
	sc.made += to - from
	sc.fillDirectLines(src, first, from, to, 0, src.across.outputs)
}

// fillDirectLines is fillDirect for columns left..right-1 of Content.
func (sc *Scratch) fillDirectLines(src *source, first, from, to, left, right int) {
	if src.layout == packed {
		sc.fillPacked(src, first, from, to, left, right)
		return
	}
	k := &sc.sampler.kernels.color
	ahead := aheadOf(src.across.inputs() * src.step)
	for y := from; y < to; y += 2 {
		upper := first + y
		lower := first + min(y+1, to-1) // the last line of an odd height stands in for the one below, which is padding
		bytes := sc.aheadOfLine(src, upper, ahead)
		var rows [3]color.Rows
		for i := range src.inputs {
			rows[i] = color.Rows{Upper: sc.inputOf(src, i, upper, left, right), Lower: sc.inputOf(src, i, lower, left, right), Ahead: bytes}
		}
		k.PlanarLines(sc.linesOf(y, left, right), src.redFirst(rows))
	}
}

// fillPacked is fillDirectLines for pixels. Where lines are neighboring rows, those whose rows are fetched are made together, and the
// others are.
func (sc *Scratch) fillPacked(src *source, first, from, to, left, right int) {
	luma, chroma := &sc.sampler.planes[0], &sc.sampler.planes[1]
	b, p := &sc.Band.Planes, &sc.planes[src.input]
	lines, ahead := src.down.lines, aheadOf(src.across.inputs()*src.step)
	dst, pix := &sc.pairs, &sc.pixels
	*dst = color.Pairs{Stride: b[0].Stride, ChromaStride: b[1].Stride, Width: right - left}
	for y := from; y < to; y += 2 * dst.Count {
		upper := first + y
		row, count := int(lines[upper].row), to-y
		pix.Ahead, pix.Stride = sc.aheadOfLine(src, upper, ahead), p.Stride
		switch fetched := len(lines) - ahead - upper; {
		case int(lines[len(lines)-1].row-lines[0].row) >= len(lines): // rows between them are left out
			count = min(count, 2)
			pix.Stride *= int(lines[upper+count-1].row) - row
		case 0 < fetched && fetched < count:
			count = (fetched + 1) &^ 1
		}
		pix.Rows, dst.Count = count, (count+1)/2 // the last line of an odd height stands in for the one below, which is padding
		at, c := luma.left+left, chroma.left+left/2
		dst.Y, dst.Cb, dst.Cr = b[0].Pix[y*dst.Stride+at:], b[1].Pix[y/2*dst.ChromaStride+c:], b[2].Pix[y/2*dst.ChromaStride+c:]
		pix.Pix = p.Pix[row*p.Stride+(src.across.first+left)*src.step:]
		sc.sampler.kernels.color.PackedLines(dst, pix, src.packed)
	}
	*dst, *pix = color.Pairs{}, color.Pixels{}
}

// inputOf returns columns left..right-1 of the row of the source's i-th input plane that line n of Content is.
func (sc *Scratch) inputOf(src *source, i, n, left, right int) []byte {
	return sc.input(src, i, int(src.down.lines[n].row))[left*src.step : right*src.step]
}

// redFirst returns rows of planes in the order R, G, B.
func (src *source) redFirst(rows [3]color.Rows) [3]color.Rows {
	if !src.packed.RedFirst {
		rows[0], rows[2] = rows[2], rows[0]
	}
	return rows
}

// aheadOfLine returns how many bytes ahead of the row that line n of Content is the kernel fetches the row of the line that lies
// so many lines below; 0 where there is none.
func (sc *Scratch) aheadOfLine(src *source, n, ahead int) int {
	lines := src.down.lines
	then := n + ahead
	if then >= len(lines) {
		return 0
	}
	return int(lines[then].row-lines[n].row) * sc.planes[src.input].Stride
}

// fillHalved is fillSource for a source whose samples are the means of 2x2 pixels: four rows at a time, without the row cache.
func (sc *Scratch) fillHalved(src *source, first, from, to int) {
	k := &sc.sampler.kernels.color
	for y := from; y < to; y += 2 {
		last := min(y+1, to-1) // the last line of an odd height stands in for the one below, which is padding
		sc.made += 4
		var rows [3]color.Rows
		for i := range src.inputs {
			rows[i] = color.Rows{
				Upper: sc.pairOf(src, i, first+y), Lower: sc.pairOf(src, i, first+last), Stride: sc.planes[src.input+i].Stride,
				Ahead: sc.aheadOf(src, sc.pairAt(first+last)+2),
			}
		}
		if src.layout == planar {
			k.HalvedPlanarLines(sc.lines(y), src.redFirst(rows))
		} else {
			k.HalvedLines(sc.lines(y), rows[0], src.packed)
		}
	}
}

// lines returns lines y and y+1 of Content, and the chroma that they share.
func (sc *Scratch) lines(y int) color.Lines { return sc.linesOf(y, 0, sc.sampler.config.Content.Width) }

// linesOf is lines for columns left..right-1.
func (sc *Scratch) linesOf(y, left, right int) color.Lines {
	luma, chroma := &sc.sampler.planes[0], &sc.sampler.planes[1]
	at, halves := luma.left+left, chroma.left+left/2
	n, half := right-left, (right+1)/2-left/2
	b := &sc.Band.Planes
	return color.Lines{Y: [2][]int16{b[0].line(at, y, n), b[0].line(at, y+1, n)}, Cb: b[1].line(halves, y/2, half), Cr: b[2].line(halves, y/2, half)}
}

// pairAt returns the first of the two input rows that line n of Content is made of.
func (sc *Scratch) pairAt(n int) int { return sc.sampler.config.Crop.Y + 2*n }

// pairOf returns these rows of the source's i-th input plane, with what lies between them.
func (sc *Scratch) pairOf(src *source, i, n int) []byte {
	p, number := &sc.planes[src.input+i], sc.pairAt(n)
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

// finish does what is left to do on lines from..to of Content.
func (sc *Scratch) finish(from, to int) {
	s := sc.sampler
	if s.config.In.Format == frame.Gray8 {
		sc.clearChroma(from, to)
	}
	switch s.after {
	case from709:
		sc.convertTo601(from, to)
	case toRGB:
		sc.convertToRGB(from, to, color.BT601)
	case from709toRGB:
		sc.convertToRGB(from, to, color.BT709)
	}
}

// clearChroma makes Content gray.
func (sc *Scratch) clearChroma(from, to int) {
	for i := 1; i < sc.sampler.planeCount; i++ {
		subY := sc.sampler.planes[i].subY
		for y := from / subY; y < (to+subY-1)/subY; y++ {
			clear(sc.content(i, y))
		}
	}
}

func (sc *Scratch) convertTo601(from, to int) {
	k := &sc.sampler.kernels.color
	l := &sc.sampler.planes[1]
	for y := from; y < to; y++ {
		k.LumaTo601(sc.content(0, y), sc.content(1, y/l.subY), sc.content(2, y/l.subY), uint(l.subX-1))
	}
	for y := from / l.subY; y < (to+l.subY-1)/l.subY; y++ {
		k.ChromaTo601(sc.content(1, y), sc.content(2, y))
	}
}

func (sc *Scratch) convertToRGB(from, to int, m color.Matrix) {
	for y := from; y < to; y++ {
		sc.sampler.kernels.color.RGB([3][]int16{sc.content(0, y), sc.content(1, y), sc.content(2, y)}, m)
	}
}

// content returns the part of line y of plane i that lies in Content's columns.
func (sc *Scratch) content(i, y int) []int16 {
	l := &sc.sampler.planes[i]
	return sc.Band.Planes[i].line(l.left, y, l.right-l.left)
}

// surround fills what lies around Content, of which the band has lines from..to (none when from >= to), with the background.
func (sc *Scratch) surround(from, to int) {
	s := sc.sampler
	r := s.config.Content
	if r == (Rect{0, 0, s.config.Width, s.config.Height}) {
		return
	}
	for i := range s.planeCount {
		l := &s.planes[i]
		left, right := l.left, l.right
		beside := left > 0 || right < l.width
		for y := range (sc.Band.Lines + l.subY - 1) / l.subY {
			outside := y*l.subY < from || y*l.subY >= to
			if !outside && !beside {
				continue
			}
			pix := sc.Band.Planes[i].line(0, y, l.width)
			if outside {
				fill(pix, s.background[i])
				continue
			}
			fill(pix[:left], s.background[i])
			fill(pix[right:], s.background[i])
		}
	}
}

// pad makes columns x..x+n-1 of a band whole blocks: it repeats the last sample of each line if they end with the canvas, and
// the last line.
func (s *Sampler) pad(b *Band, x, n int) {
	for i := range s.planeCount {
		l, p := &s.planes[i], &b.Planes[i]
		lines := (b.Lines + l.subY - 1) / l.subY
		from, to := x/l.subX, (x+n+l.subX-1)/l.subX
		if x+n == s.config.Width && l.padded != l.width {
			for y := range lines {
				fill(p.line(l.width, y, l.padded-l.width), p.Pix[y*p.Stride+l.width-1])
			}
			to = l.padded
		}
		for y := lines; y < l.lines; y++ {
			copy(p.line(from, y, to-from), p.line(from, lines-1, to-from))
		}
	}
}

func fill(dst []int16, v int16) {
	for i := range dst {
		dst[i] = v
	}
}

// backgroundSamples returns the background as a band has it.
func (s *Sampler) backgroundSamples() [3]int16 {
	var row [3][]int16
	for i, v := range s.config.Background {
		row[i] = []int16{int16(v) << 7}
	}
	out := [3][]int16{{0}, {0}, {0}}
	switch s.config.Space {
	case RGB:
		out = row
	case Luma:
		s.kernels.color.Luma(out[0], row)
	case YCC:
		s.kernels.color.YCC(out, row)
	}
	var samples [3]int16
	for i := range out {
		s.kernels.blend.Line(samples[i:i+1], out[i])
	}
	return samples
}
