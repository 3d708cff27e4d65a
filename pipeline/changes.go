package pipeline

import (
	"bytes"
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/near"
)

// changes knows which bytes of a frame each restart segment is made of, and encodes frames with a History: segments whose bytes
// are those of the last image's frame are copied from that image. It is immutable.
//
// A part of a frame is compared first, as a whole, since a segment may reach into the next bands. Comparing stops, for a
// segment, at the first row that differs. The bytes that are kept lie in the order in which they are compared: band by band,
// plane by plane, row by row, and there segment by segment. Where two segments are made of the same bytes, both have them: so
// segments, and the parts that goroutines work on, do not depend on each other.
type changes struct {
	sample *sampleStage
	code   *codeStage

	same func(a, b []byte) bool // whether bytes count as unchanged; it returns soon after the first that do not

	width                      int  // of the images, pixels
	splits                     bool // columns of a band can be sampled alone
	across, interval, segments int
	windows                    [][]band.Window // by plane, by column of MCUs
	rows                       [][][]int32     // by band, by plane
	base                       []int           // of the bands in the kept bytes; and where those end
}

func newChanges(sample *sampleStage, code *codeStage, input frame.Desc, width, noise int, limit impl.Level) *changes {
	s, coder := sample.sampler, code.coder
	c := &changes{
		sample: sample, code: code, same: unchanged(input, noise, limit),
		splits: s.Splits(), interval: coder.Interval(), segments: coder.Segments(), width: width,
	}
	across, down := coder.MCUs()
	mcuWidth, height := coder.MCUSize()
	c.across = across
	for p := range s.Inputs() {
		var columns []band.Window
		for x := range across {
			columns = append(columns, s.Window(p, x*mcuWidth, (x+1)*mcuWidth))
		}
		c.windows = append(c.windows, columns)
	}
	at := 0
	for b := range down {
		var rows [][]int32
		for p := range s.Inputs() {
			rows = append(rows, s.Rows(nil, p, b*height, (b+1)*height))
		}
		c.rows = append(c.rows, rows)
		c.base = append(c.base, at)
		for p, columns := range c.windows {
			size := 0
			for r := (mcuRun{}); c.nextRun(b, &r); {
				size += columns[r.to-1].To - columns[r.from].From
			}
			at += size * len(rows[p])
		}
	}
	c.base = append(c.base, at)
	return c
}

// sourceBytes returns the size of the source that is kept.
func (c *changes) sourceBytes() int { return c.base[len(c.base)-1] }

// mcuRun is the MCUs of a band that belong to one segment: from..to-1 of its row. The zero mcuRun is before the first.
type mcuRun struct{ segment, from, to int }

// nextRun sets r to the next run of band b, and returns false behind the last.
func (c *changes) nextRun(b int, r *mcuRun) bool {
	if r.to == c.across {
		return false
	}
	first := b * c.across
	r.segment, r.from = r.segment+1, r.to
	if r.to == 0 {
		r.segment = first / c.interval
	}
	r.to = min((r.segment+1)*c.interval-first, c.across)
	return true
}

// opens reports whether r is where its segment begins.
func (c *changes) opens(b int, r *mcuRun) bool { return r.segment*c.interval == b*c.across+r.from }

// segmentsOf returns the segments of bands first..last-1, which are a part.
func (c *changes) segmentsOf(first, last int) (from, to int) {
	return first * c.across / c.interval, min((last*c.across+c.interval-1)/c.interval, c.segments)
}

// encode makes sc.part with a History, as Pipeline.encode does without.
func (c *changes) encode(sc *scratch, r *run) error {
	h, pt := r.history, &sc.part
	if err := c.sample.begin(sc); err != nil {
		return err
	}
	if err := c.code.begin(sc); err != nil {
		return err
	}
	from, to := c.segmentsOf(pt.first, pt.last)
	segments := h.segments[from:to]
	kept := false
	for i := range segments {
		s := &segments[i]
		s.use = code
		if s.kept {
			s.use, kept = reused, true
		}
	}
	for b := pt.first; kept && b < pt.last; b++ {
		if err := r.halted(pt.of); err != nil {
			return err
		}
		c.compare(sc, h, b)
	}
	for i := range segments {
		segments[i].decide(from + i)
	}
	for b := pt.first; b < pt.last; b++ {
		if err := r.halted(pt.of); err != nil {
			return err
		}
		if err := c.do(sc, h, b); err != nil {
			return err
		}
	}
	if err := c.sample.end(sc); err != nil {
		return err
	}
	return c.code.end(sc)
}

// decide sets what is done with segment n, after use says whether it is the same as it was when it was kept.
func (s *segment) decide(n int) {
	if s.kept {
		if s.use == reused {
			s.score -= min(s.score, 1)
			return
		}
		s.changed(n)
	}
	if s.wait > 0 {
		s.wait--
		return
	}
	s.kept, s.use = true, codeNew
}

// piece is the bytes that a segment is made of in the rows of a plane: from..to-1. In the kept bytes of the first row it is at at.
type piece struct{ segment, from, to, at int }

// pieces returns the pieces of band b in plane p of those segments that have the use, in dst's memory, and how far the kept bytes
// of a row are from those of the next.
func (c *changes) pieces(dst []piece, h *History, b, p int, of use) (list []piece, stride int) {
	columns := c.windows[p]
	for r := (mcuRun{}); c.nextRun(b, &r); {
		from, to := columns[r.from].From, columns[r.to-1].To
		if h.segments[r.segment].use == of {
			dst = append(dst, piece{r.segment, from, to, stride})
		}
		stride += to - from
	}
	return dst, stride
}

// maxPieces bounds how many segments a band has.
func (c *changes) maxPieces() int { return c.across/c.interval + 2 }

// compare looks at the rows of band b, and sets use of the kept segments that differ there.
func (c *changes) compare(sc *scratch, h *History, b int) {
	kept := h.source[c.base[b]:]
	for p := range c.windows {
		plane := sc.frame.Plane(p)
		list, stride := c.pieces(sc.pieces[:0], h, b, p, reused)
		for i, row := range c.rows[b][p] {
			if len(list) == 0 {
				break
			}
			pix, before := plane.Pix[int(row)*plane.Stride:], kept[i*stride:]
			same := list[:0]
			for _, q := range list {
				if c.same(pix[q.from:q.to], before[q.at:q.at+q.to-q.from]) {
					same = append(same, q)
				} else {
					h.segments[q.segment].use = code
				}
			}
			list = same
		}
		kept = kept[len(c.rows[b][p])*stride:]
	}
}

// keep copies the rows of band b that segments to be kept are made of.
func (c *changes) keep(sc *scratch, h *History, b int) {
	kept := h.source[c.base[b]:]
	for p := range c.windows {
		plane := sc.frame.Plane(p)
		list, stride := c.pieces(sc.pieces[:0], h, b, p, codeNew)
		for _, row := range c.rows[b][p] {
			pix := plane.Pix[int(row)*plane.Stride:]
			for _, q := range list {
				copy(kept[q.at:q.at+q.to-q.from], pix[q.from:q.to])
			}
			kept = kept[stride:]
		}
	}
}

// unchanged returns what compares samples of frames as d describes them: they may differ by so many levels of 8 bits.
func unchanged(d frame.Desc, levels int, limit impl.Level) func(a, b []byte) bool {
	kernels := near.Implementations.Best(limit).Kernels
	switch {
	case levels == 0:
		return bytes.Equal
	case !d.Format.IsFloat():
		return func(a, b []byte) bool { return kernels.Bytes(a, b, uint8(levels)) }
	}
	most := float32(levels) // of floats, in their unit
	switch d.EffectiveRange() {
	case frame.RangeUnit:
		most /= 255
	case frame.RangeSigned:
		most /= 127.5
	}
	compare := kernels.Floats
	if d.Format.IsFloat16() {
		compare = kernels.Halves
	}
	return func(a, b []byte) bool { return compare(a, b, most) }
}

// do writes the bytes of band b: run after run of segments that are coded, and of those that are copied.
func (c *changes) do(sc *scratch, h *History, b int) error {
	codes, keeps := false, false
	for r := (mcuRun{}); c.nextRun(b, &r); {
		u := h.segments[r.segment].use
		codes = codes || u != reused
		keeps = keeps || u == codeNew
	}
	if keeps {
		c.keep(sc, h, b)
	}
	if codes && !c.splits {
		if err := c.sample.do(sc, b); err != nil {
			return err
		}
	}
	for r := (mcuRun{}); c.nextRun(b, &r); {
		first := r
		isReused := h.segments[r.segment].use == reused
		for next := r; c.nextRun(b, &next) && (h.segments[next.segment].use == reused) == isReused; {
			r = next
		}
		var err error
		if isReused {
			err = c.copyRun(sc, h, b, first, r)
		} else {
			err = c.codeRun(sc, h, b, first, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// codeRun codes what band b has of the segments of runs first to last.
func (c *changes) codeRun(sc *scratch, h *History, b int, first, last mcuRun) error {
	if c.splits {
		width, _ := c.code.coder.MCUSize()
		c.sample.sampler.FillColumns(sc.band, &sc.frame, b, first.from*width, min(last.to*width, c.width))
	}
	at := sc.writer.Len()
	if c.opens(b, &first) {
		h.next[first.segment] = at
		c.code.coder.BeginSegment(sc.code, first.segment)
	}
	coded, ends := c.code.coder.EncodeTo(sc.code, &sc.band.Band, last.to)
	for i := range last.segment - first.segment {
		h.next[first.segment+1+i] = at + ends[i]
	}
	return sc.writer.Write(coded)
}

// copyRun writes the bytes that the segments of runs first to last had in the last image, but for one that began in the band
// before.
func (c *changes) copyRun(sc *scratch, h *History, b int, first, last mcuRun) error {
	from := first.segment
	if !c.opens(b, &first) {
		from++
	}
	if from > last.segment {
		return nil
	}
	for s, n := from, sc.writer.Len()-h.starts[from]; s <= last.segment; s++ {
		h.next[s] = h.starts[s] + n
	}
	return sc.writer.Write(h.coded[h.starts[from]:h.starts[last.segment+1]])
}

// place makes the places of segments, which the parts of fr have counted from their own beginnings, those in the image.
func (c *changes) place(h *History, p *Pipeline, fr *frameRun) {
	before := 0
	for i := range fr.parts {
		from, to := c.segmentsOf(p.partBands(i, len(fr.parts)))
		for s := from; s < to; s++ {
			h.next[s] += before
		}
		before += fr.parts[i].Len()
	}
	h.next[c.segments] = before - len(c.code.trailer)
}

func (c *changes) explain() string {
	return fmt.Sprintf("reuse: %d segments of %d MCUs, %d bytes of a frame are kept", c.segments, c.interval, c.sourceBytes())
}
