package band

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// Scratch is one worker's memory: the row cache, and the band being made. It belongs to one Sampler and one goroutine at a time.
type Scratch struct {
	Band Band // valid until the next Fill; its memory is the scratch's

	sampler *Sampler
	next    int            // the band that the caches are good for
	planes  [3]frame.Plane // of the frame, during Fill
	caches  [2]cache       // one a source
	rgb     [3][]int16     // a row between interpolation and color conversion
	made    int            // input rows made so far, for tests
	pairs   color.Pairs    // what PackedLines makes, during Fill
	pixels  color.Pixels   // and of what
	memory  memory         // what the slices are parts of
}

// cache holds the rows that a source has computed.
type cache struct {
	rows   [4]cachedRow
	slots  int // rows in use
	oldest int
	lines  [2][3][]int16 // Area: means of rows, for a line or for two that share their chroma
	sums   [3][]uint64   // Area: the mean in the making
	wide   [3][]int16    // an input row, or the mean of several, before it is resized across: of each channel where these lie apart
}

type cachedRow struct {
	number int // of the input row; -1 for none
	planes [3][]int16
}

// drop empties the cache.
func (c *cache) drop() {
	for i := range c.rows {
		c.rows[i].number = -1
	}
	c.oldest = 0
}

// memory hands out the parts of a scratch, or, without slices, adds up what they need.
type memory struct {
	samples []int16
	sums    []uint64
	used    struct{ samples, sums int }
}

// row returns the next n samples, at a multiple of resample.Room from the beginning, with room for a multiple of it.
func (m *memory) row(n int) []int16 {
	from := m.used.samples
	room := resample.RoomFor(n)
	m.used.samples += room
	if m.samples == nil {
		return nil
	}
	return m.samples[from:][:n:room]
}

func (m *memory) sumRow(samples int) []uint64 {
	from, n := m.used.sums, blend.Sums(samples)
	m.used.sums += n
	if m.sums == nil {
		return nil
	}
	return m.sums[from:][:n:n]
}

// NewScratch returns memory for one worker.
func (s *Sampler) NewScratch() *Scratch {
	sc := &Scratch{}
	s.Adopt(sc)
	return sc
}

// Adopt makes sc, which may be the zero Scratch or another Sampler's, memory for s, and begins a frame. It allocates where
// sc has less than s needs, and takes little time else.
func (s *Sampler) Adopt(sc *Scratch) {
	if sc.sampler == s {
		s.Begin(sc)
		return
	}
	need := &sc.memory
	samples, sums := need.samples, need.sums
	*sc = Scratch{sampler: s}
	s.divide(sc, need)
	if len(samples) < need.used.samples {
		samples = make([]int16, need.used.samples)
	}
	if len(sums) < need.used.sums {
		sums = make([]uint64, need.used.sums)
	}
	clear(sums)
	sc.memory = memory{samples: samples, sums: sums}
	s.divide(sc, &sc.memory)
	s.Begin(sc)
}

// ScratchBytes returns the size of a Scratch with all that it holds.
func (s *Sampler) ScratchBytes() int {
	var need memory
	s.divide(&Scratch{}, &need)
	return int(unsafe.Sizeof(Scratch{})) + 2*need.used.samples + 8*need.used.sums
}

// divide sets the slices of sc from m.
func (s *Sampler) divide(sc *Scratch, m *memory) {
	for i := range s.planeCount {
		l := s.planes[i]
		sc.Band.Planes[i] = Plane{Pix: m.row(l.padded * l.lines), Stride: l.padded, Width: l.padded, Height: l.lines}
	}
	for i := range s.sources {
		s.sources[i].divide(&sc.caches[i], m)
		s.sources[i].divideRows(sc, m)
	}
}

// divide sets the slices of c from m.
func (src *source) divide(c *cache, m *memory) {
	if src.direct || src.halves {
		return
	}
	c.wide = m.wide(src)
	if src.stacks {
		src.divideLines(c, m)
		if src.layout.isFloat() {
			c.sums[0] = m.sumRow(src.wideRows.words)
		}
		return
	}
	c.slots = src.down.slots(src.halved)
	for i := range c.slots {
		for p := range src.count {
			c.rows[i].planes[p] = m.row(src.widths[p])
		}
	}
	if src.down.method != Area {
		return
	}
	src.divideLines(c, m)
	for p := range src.count {
		c.sums[p] = m.sumRow(src.widths[p])
	}
}

// divideLines sets the lines of c, which are means.
func (src *source) divideLines(c *cache, m *memory) {
	for p := range src.count {
		c.lines[0][p] = m.row(src.widths[p])
		if src.halved {
			c.lines[1][p] = m.row(src.widths[p])
		}
	}
}

// wide returns the wide rows of a source that needs some: where floats are interpolated, with their last sample again.
func (m *memory) wide(src *source) (rows [3][]int16) {
	if src.wideRows.room == 0 {
		return rows
	}
	count := 1
	if src.layout == floatPixels && src.across.method != Area {
		count = 3
	}
	for i := range count {
		row := m.row(src.wideRows.room)
		rows[i] = row[:min(src.wideRows.words, len(row))]
	}
	return rows
}

// divideRows sets the rows that are needed on the way from an input row to one of the cache.
func (src *source) divideRows(sc *Scratch, m *memory) {
	if src.convert != none && !src.converts() && src.pixels == nil && src.planar == nil && !src.halves && !src.direct {
		for p := range sc.rgb {
			sc.rgb[p] = m.row(src.across.outputs)
		}
	}
}
