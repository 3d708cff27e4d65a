package band

import (
	"cmp"

	"github.com/steadyframe/steadyframe/frame"
)

// Window says which bytes of the rows of an input plane some columns of the canvas are made of: From up to To-1. It is empty
// where the columns are background.
type Window struct{ From, To int }

// Inputs returns how many planes of a frame are read: those of color are not, where luma alone is made.
func (s *Sampler) Inputs() (n int) {
	for i := range s.sources {
		n += s.sources[i].inputs
	}
	return n
}

// Window returns the bytes of the rows of input plane p that columns from..to-1 of the canvas are made of. Both are multiples
// of the MCU's width, or the canvas's. Of columns further right both ends are further right, or the same.
func (s *Sampler) Window(p, from, to int) Window {
	src := s.sourceOf(p)
	subX, r := s.planes[src.first].subX, s.config.Content
	from, to = max(from-r.X, 0), min(to-r.X, r.Width)
	if from >= to {
		edge := src.across.first
		if from > 0 {
			edge = src.across.last + 1
		}
		return Window{edge * src.step, edge * src.step}
	}
	lo, hi := src.span(from/subX, (to+subX-1)/subX-1)
	return Window{(src.across.first + lo) * src.step, (src.across.first + hi + 1) * src.step}
}

// Rows appends to dst the rows of input plane p that lines from..to-1 of the canvas are made of, in rising order. Both are
// multiples of the lines of a band, or the canvas's.
func (s *Sampler) Rows(dst []int32, p, from, to int) []int32 {
	src := s.sourceOf(p)
	subY, r := s.planes[src.first].subY, s.config.Content
	from, to = max(from-r.Y, 0), min(to-r.Y, r.Height)
	if from >= to {
		return dst
	}
	begin := len(dst)
	for n := from / subY; n < (to+subY-1)/subY; n++ {
		first, count := src.down.span(n, src.stacks && !src.layout.isFloat())
		for row := first; row < first+count; row++ {
			if len(dst) == begin || row > dst[len(dst)-1] {
				dst = append(dst, row)
			}
		}
	}
	return dst
}

// RowsUntil returns how many rows of the frame, from the top, bands 0..i are made of: all of them where the frame has several planes.
func (s *Sampler) RowsUntil(i int) int {
	c, src := &s.config, &s.sources[0]
	if s.Inputs() > 1 || c.In.Format.Planes() > 1 {
		return c.In.Height
	}
	n := min((i+1)*c.Lines-c.Content.Y, c.Content.Height)
	if n <= 0 {
		return 0
	}
	first, count := src.down.span(n-1, src.stacks && !src.layout.isFloat())
	return int(first + count)
}

// Splits reports whether FillColumns makes columns alone.
func (s *Sampler) Splits() bool {
	c := &s.config
	return s.sources[0].direct && c.Content == Rect{Width: c.Width, Height: c.Height}
}

// FillColumns is Fill for columns from..to-1 of the canvas, which are as Window has them; where the sampler does not split, for
// all. What the band has of other columns stays.
func (s *Sampler) FillColumns(sc *Scratch, f *frame.Frame, i, from, to int) {
	if !s.Splits() {
		s.Fill(sc, f, i)
		return
	}
	if sc.sampler != s || f.Desc != s.config.In || i < 0 || i >= s.Bands() {
		panic("band: scratch, frame or band of another Sampler")
	}
	copy(sc.planes[:], f.Planes())
	c, src := &s.config, &s.sources[0]
	top := i * c.Lines
	sc.Band.Lines = min(c.Lines, c.Height-top)
	sc.fillDirectLines(src, top, 0, sc.Band.Lines, from, to)
	s.pad(&sc.Band, from, to-from)
	sc.planes = [3]frame.Plane{}
}

// sourceOf returns the source that reads input plane p.
func (s *Sampler) sourceOf(p int) *source {
	for i := range s.sources {
		if src := &s.sources[i]; p >= src.input && p < src.input+src.inputs {
			return src
		}
	}
	panic("band: no source reads this plane")
}

// span returns the first and the last sample, counted from those of the crop, that output samples first..last of a row are
// made of.
func (src *source) span(first, last int) (lo, hi int) {
	t := &src.across
	step := uint32(src.wordStep(t.method))
	if t.method == Area {
		end := t.cover.Spans[last]
		return int(t.cover.Spans[first].Offset / step), int(end.Offset/step+end.Count) - 1
	}
	end := t.taps[last]
	hi = int(end.Offset / step)
	if end.Weight != 0 {
		hi++
	}
	return int(t.taps[first].Offset / step), hi
}

// span returns the rows that line n is made of. Where stacked is set, the sampler takes them from stack.
func (d *down) span(n int, stacked bool) (first, count int32) {
	switch {
	case stacked:
		return int32(d.stack[n].row), int32(d.stack[n].mean.Count())
	case d.method == Area:
		return int32(d.cover[n].row), int32(len(d.cover[n].weights))
	}
	return d.lines[n].row, 1 + int32(cmp.Compare(d.lines[n].weight, 0))
}
