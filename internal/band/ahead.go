package band

import "github.com/steadyframe/steadyframe/frame"

// Ahead returns bytes of the first planes that the band after band i is made of, for a coder to fetch into the caches while it
// codes band i, when no kernel of Fill reads memory: those behind what Fill of band i has fetched, as far as they lie one
// behind the other. There are none for the last band, and where a crop leaves much out between rows. They are memory of planes.
// Ahead itself asks for the pages of as much again behind them.
func (s *Sampler) Ahead(planes []frame.Plane, i int) []byte {
	c, src := &s.config, &s.sources[0]
	n, end := max((i+1)*c.Lines-c.Content.Y, 0), min((i+2)*c.Lines-c.Content.Y, c.Content.Height)
	if n >= end {
		return nil
	}
	stacked := src.stacks && !src.layout.isFloat()
	first, _ := src.down.span(n, stacked)
	last, count := src.down.span(end-1, stacked)
	start := src.down.ahead[first]
	if start == 0 {
		return nil
	}
	rows := int(min(src.down.together[start], last+count-start))
	p := &planes[src.input]
	from, to := src.across.first*src.step, (src.across.last+1)*src.step
	if rows <= 0 || 4*(to-from) < 3*p.Stride {
		return nil
	}
	at := int(start) * p.Stride
	behind := at + (rows-1)*p.Stride + to
	s.openPages(p.Pix[behind:min(2*behind-at-from, len(p.Pix))])
	return p.Pix[at+from : behind]
}

// pageBytes is the size of the smallest pages of processors and systems.
const pageBytes = 4 << 10

// openPages asks for a line of each page of pix, so that the processor looks up where these are in memory before it is to fetch more of
// them: that takes longer than a line does, above all in a virtual machine.
func (s *Sampler) openPages(pix []byte) {
	for len(pix) > 0 {
		s.kernels.resample.Prefetch(pix[:1])
		pix = pix[min(pageBytes, len(pix)):]
	}
}
