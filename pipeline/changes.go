package pipeline

import (
	"bytes"
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
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

	across, interval, segments int
	windows                    [][]band.Window // by plane, by column of MCUs
	rows                       [][][]int32     // by band, by plane
	base                       []int           // of the bands in the kept bytes; and where those end
}

func newChanges(sample *sampleStage, code *codeStage) *changes {
	s, coder := sample.sampler, code.coder
	c := &changes{sample: sample, code: code, interval: coder.Interval(), segments: coder.Segments()}
	across, down := coder.MCUs()
	width, height := coder.MCUSize()
	c.across = across
	for p := range s.Inputs() {
		var columns []band.Window
		for x := range across {
			columns = append(columns, s.Window(p, x*width, (x+1)*width))
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

// tableBytes returns the size of the tables, about.
func (c *changes) tableBytes() int {
	n := 8 * len(c.base)
	for p := range c.windows {
		n += 16 * len(c.windows[p])
	}
	for _, planes := range c.rows {
		for _, rows := range planes {
			n += 24 + 4*len(rows)
		}
	}
	return n
}

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
		c.compare(h, &sc.frame, b)
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

// compare looks at the rows of band b, and sets use of the kept segments that differ there.
func (c *changes) compare(h *History, f *frame.Frame, b int) {
	at := c.base[b]
	for p, columns := range c.windows {
		plane := f.Plane(p)
		for _, row := range c.rows[b][p] {
			pix := plane.Pix[int(row)*plane.Stride:]
			for r := (mcuRun{}); c.nextRun(b, &r); {
				from, to := columns[r.from].From, columns[r.to-1].To
				s := &h.segments[r.segment]
				if s.use == reused && !bytes.Equal(pix[from:to], h.source[at:at+to-from]) {
					s.use = code
				}
				at += to - from
			}
		}
	}
}

// keep copies the rows of band b that segments to be kept are made of.
func (c *changes) keep(h *History, f *frame.Frame, b int) {
	at := c.base[b]
	for p, columns := range c.windows {
		plane := f.Plane(p)
		for _, row := range c.rows[b][p] {
			pix := plane.Pix[int(row)*plane.Stride:]
			for r := (mcuRun{}); c.nextRun(b, &r); {
				from, to := columns[r.from].From, columns[r.to-1].To
				if h.segments[r.segment].use == codeNew {
					copy(h.source[at:at+to-from], pix[from:to])
				}
				at += to - from
			}
		}
	}
}

// do writes the bytes of band b.
func (c *changes) do(sc *scratch, h *History, b int) error {
	codes, keeps := false, false
	for r := (mcuRun{}); c.nextRun(b, &r); {
		u := h.segments[r.segment].use
		codes = codes || u != reused
		keeps = keeps || u == codeNew
	}
	if keeps {
		c.keep(h, &sc.frame, b)
	}
	if codes {
		if err := c.sample.do(sc, b); err != nil {
			return err
		}
	}
	first, end := 0, 0 // segments to copy
	for r := (mcuRun{}); c.nextRun(b, &r); {
		if h.segments[r.segment].use == reused {
			if c.opens(b, &r) {
				if first == end {
					first = r.segment
				}
				end = r.segment + 1
			}
			continue
		}
		if err := h.copy(sc, first, end); err != nil {
			return err
		}
		first, end = 0, 0
		if c.opens(b, &r) {
			h.next[r.segment] = sc.writer.Len()
			c.code.coder.BeginSegment(sc.code, r.segment)
		}
		coded, _ := c.code.coder.EncodeRow(sc.code, &sc.band.Band)
		if err := sc.writer.Write(coded); err != nil {
			return err
		}
	}
	return h.copy(sc, first, end)
}

// copy writes the bytes that segments first..end-1 had in the last image.
func (h *History) copy(sc *scratch, first, end int) error {
	if first == end {
		return nil
	}
	for s, n := first, sc.writer.Len()-h.starts[first]; s < end; s++ {
		h.next[s] = h.starts[s] + n
	}
	return sc.writer.Write(h.coded[h.starts[first]:h.starts[end]])
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
