package band

import (
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// across is the tables of one plane's rows.
type across struct {
	first, last int // input samples that the crop takes part in; what lies beside them is never read
	outputs     int
	method      Filter            // what is really done: Area only along an axis that shrinks
	copies      bool              // each output sample is the input sample of the same place
	taps        []resample.Tap    // not Area; offsets count from first
	cover       resample.Coverage // Area; offsets count from first
}

// inputs is how many samples of an input row may be read.
func (t *across) inputs() int { return t.last - t.first + 1 }

// newAcross returns the tables for samples that lie step apart: in bytes, or, for floats, in rows of int16.
func newAcross(a axis, f Filter, step int, floats bool) across {
	t := across{first: a.first(), last: a.last(), outputs: a.samples(), method: a.method(f)}
	one := int64(1 << 7)
	if floats {
		one = 1 << 15
	}
	if t.method == Area {
		t.cover = a.coverage(t.first, step)
		return t
	}
	t.copies = t.outputs == t.inputs()
	for k, p := range a.places(t.method) {
		i, w := p.round(one)
		t.taps = append(t.taps, resample.Tap{Offset: uint32((i - t.first) * step), Weight: uint32(w)})
		t.copies = t.copies && i-t.first == k && w == 0
	}
	return t
}

// down is the table of one plane's lines.
type down struct {
	method Filter
	lines  []line    // not Area
	cover  []covered // Area
	stack  []stacked // Area, of rows of bytes that are not resized across before
	blends bool      // some line lies between two rows
	ahead  []int32   // by input row that is needed: the one to prefetch then; 0 for none

	together []int32 // by input row that is needed: how many from there on are
}

// covered is the input rows whose mean is an output line: those from row on, one for each weight. The weights, in 16384ths, add up to 1<<14.
type covered struct {
	row     int
	weights []int16
}

// stacked is the input rows, from row on, whose mean is an output line.
type stacked struct {
	row  int
	mean blend.Average
}

// line says which input rows an output line is made of: it lies at weight 32768ths of the way from row to the next one. With weight 0
// the next one is not read.
type line struct {
	row    int32
	weight int16
}

func newDown(a axis, f Filter) down {
	d := down{method: a.method(f)}
	if d.method == Area {
		c := a.coverage(0, 1)
		for _, span := range c.Spans {
			d.cover = append(d.cover, covered{int(span.Offset), c.Weights[:span.Count]})
			c.Weights = c.Weights[span.Count:]
		}
		return d
	}
	for _, p := range a.places(d.method) {
		i, w := p.round(1 << 15)
		d.lines = append(d.lines, line{int32(i), int16(w)})
		d.blends = d.blends || w != 0
	}
	return d
}

// aheadBytes is how far ahead input rows are prefetched, and aheadRows how many rows at least: where few samples are made
// of long rows, two of them are over before memory has answered. More than that, up to 48 KiB, gained nothing.
const (
	aheadBytes = 8 << 10
	aheadRows  = 4
)

// aheadOf returns how many rows of size bytes ahead one is prefetched.
func aheadOf(size int) int { return max(aheadBytes/size, aheadRows) }

// setAhead sets ahead, for rows of size bytes. Rows that no line is made of are skipped.
func (d *down) setAhead(rows, size int) {
	var needed []int
	need := func(row int) {
		if len(needed) == 0 || row > needed[len(needed)-1] {
			needed = append(needed, row)
		}
	}
	for _, l := range d.lines {
		need(int(l.row))
		if l.weight != 0 {
			need(int(l.row) + 1)
		}
	}
	for _, c := range d.cover {
		for i := range c.weights {
			need(c.row + i)
		}
	}
	d.together = make([]int32, rows+1)
	for i := len(needed) - 1; i >= 0; i-- {
		d.together[needed[i]] = d.together[needed[i]+1] + 1
	}
	d.ahead = make([]int32, rows)
	distance := aheadOf(size)
	for i := range max(len(needed)-distance, 0) {
		d.ahead[needed[i]] = int32(needed[i+distance])
	}
}

// copies reports whether each line is an input row, and no two are the same.
func (d *down) copies() bool {
	for i, l := range d.lines {
		if l.weight != 0 || i > 0 && l.row == d.lines[i-1].row {
			return false
		}
	}
	return d.method != Area
}

// slots returns how many input rows must be at hand at a time to make one output line, or two when pairs of lines share their chroma.
func (d *down) slots(halved bool) int {
	n := 1
	if d.method == Area {
		return n // a line adds up its rows one by one; it may share its last with the next line
	}
	if d.blends {
		n *= 2
	}
	if halved {
		n *= 2
	}
	return n
}

// method returns how f resizes along a.
func (a axis) method(f Filter) Filter {
	if f == Area && !a.shrinks() {
		return Bilinear
	}
	return f
}
