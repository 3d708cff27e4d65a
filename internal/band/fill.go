package band

import "github.com/steadyframe/steadyframe/frame"

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
	sc.pad()
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
	step := 1
	if src.halved {
		step = 2
	}
	for y := from; y < to; y += step {
		upper := sc.line(src, c, first+y, 0)
		sc.blend(src, 0, y, upper)
		if !src.halved {
			for p := 1; p < src.count; p++ {
				sc.blend(src, p, y, upper)
			}
			continue
		}
		lower := upper
		if y+1 < to { // else the last line of an odd height stands in for the one below
			lower = sc.line(src, c, first+y+1, 1)
			sc.blend(src, 0, y+1, lower)
		}
		for p := 1; p < src.count; p++ {
			sc.blendMean(src, p, y/2, upper, lower)
		}
	}
}
