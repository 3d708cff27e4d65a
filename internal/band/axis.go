package band

import (
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// axis is one direction of a resize: where the samples of an output plane lie on an input plane. Lengths and origins are in pixels at
// full resolution; a sample of a subsampled plane is a step of 2 pixels, and lies in their middle.
type axis struct {
	origin, length  int // the crop
	out             int // what the crop is resized to
	inStep, outStep int // pixels from one sample to the next: 1 or 2; of the input's chroma planes, 4 too
}

// samples is how many samples the output plane has.
func (a axis) samples() int { return (a.out + a.outStep - 1) / a.outStep }

// first and last are the samples of the input plane that the crop begins and ends in. Positions are clamped to them.
func (a axis) first() int { return a.origin / a.inStep }
func (a axis) last() int  { return (a.origin + a.length - 1) / a.inStep }

// shrinks reports whether there are fewer output than input samples.
func (a axis) shrinks() bool { return a.outStep*a.length > a.inStep*a.out }

// place is a position in an input plane: frac/den, below 1, after the middle of sample index.
type place struct {
	index     int
	frac, den int64
}

// round returns the place with frac/den as a weight in units of 1/one. A weight that rounds up to one is the next sample with weight 0.
func (p place) round(one int64) (index, weight int) {
	w := (2*p.frac*one + p.den) / (2 * p.den)
	return p.index + int(w/one), int(w % one)
}

// center returns the center of output sample k as a fraction of input samples, counted from the left edge of the input plane:
// (origin + (k+1/2)*outStep * length/out) / inStep. With sides of at most 1<<16 both are below 1<<36.
func (a axis) center(k int) (num, den int64) {
	num = 2*int64(a.out)*int64(a.origin) + int64(2*k+1)*int64(a.outStep)*int64(a.length)
	return num, 2 * int64(a.out) * int64(a.inStep)
}

// linear returns where output sample k lies between the middles of input samples.
func (a axis) linear(k int) place {
	num, den := a.center(k)
	num -= den / 2 // den is even; the middle of a sample is half a sample after its edge
	switch {
	case num <= int64(a.first())*den:
		return place{index: a.first(), den: 1}
	case num >= int64(a.last())*den:
		return place{index: a.last(), den: 1}
	}
	return place{int(num / den), num % den, den}
}

// nearest returns the input sample that the center of output sample k lies in.
func (a axis) nearest(k int) place {
	num, den := a.center(k)
	return place{index: min(int(num/den), a.last()), den: 1} // the center of the last chroma sample of an odd side may be the crop's edge
}

// box returns the place whose value is the mean of the input samples, one or two, that the pixels of output sample k lie in.
func (a axis) box(k int) place {
	pixel := a.origin + k*a.outStep
	first := min(pixel/a.inStep, a.last())
	if last := min((pixel+a.outStep-1)/a.inStep, a.last()); last != first {
		return place{first, 1, 2}
	}
	return place{index: first, den: 1}
}

// places returns where the output samples lie under filter f, which is not Area along an axis that shrinks.
func (a axis) places(f Filter) []place {
	at := a.linear
	switch f {
	case Nearest:
		at = a.nearest
	case Box:
		at = a.box
	}
	p := make([]place, a.samples())
	for k := range p {
		p[k] = at(k)
	}
	return p
}

// sample is an input sample in units in which the edges of samples, of the input and of the output, are whole numbers.
func (a axis) sample() int64 { return int64(a.out) * int64(a.inStep) }

// area returns what output sample k covers, from the left edge of the input plane, in units of which sample says how many an
// input sample has.
func (a axis) area(k int) (start, stop int64) {
	end := int64(a.out) * int64(a.origin+a.length)
	start = int64(a.out)*int64(a.origin) + int64(k)*int64(a.outStep)*int64(a.length)
	return start, min(start+int64(a.outStep)*int64(a.length), end)
}

// stack returns the rows whose mean each output line is; nil where some have more than an Average can take.
func (a axis) stack() []stacked {
	lines := make([]stacked, a.samples())
	sample := a.sample()
	for k := range lines {
		start, stop := a.area(k)
		first, behind := (start+sample-1)/sample, stop/sample // the first whole row, and the one behind the last
		whole := int(behind - first)
		switch {
		case first > behind: // part of one row
			lines[k] = stacked{int(behind), blend.NewAverage(0, 1, 0)}
			continue
		case whole > blend.MaxWhole:
			return nil
		}
		above := int(roundDiv((first*sample-start)<<15, stop-start))
		below := int(roundDiv((stop-behind*sample)<<15, stop-start))
		if whole == 0 {
			below = 1<<15 - above // the two halves of 32768ths that are exactly between round to one too many
		}
		lines[k] = stacked{int(first), blend.NewAverage(above, whole, below)}
		if above != 0 {
			lines[k].row--
		}
	}
	return lines
}

// coverage returns which input samples each output sample covers, and how much of it each takes in 16384ths, offsets counted in units of
// step from sample from. The weights of a span are the differences of its rounded running sum, so that they add up to 1<<14 exactly;
// input samples that round to nothing at either end are left out.
func (a axis) coverage(from, step int) resample.Coverage {
	var c resample.Coverage
	sample := a.sample()
	for k := range a.samples() {
		start, stop := a.area(k)
		first, count, sum := start/sample, 0, int64(0)
		for i := first; sum < 1<<14; i++ {
			next := roundDiv((min((i+1)*sample, stop)-start)<<14, stop-start)
			if next == 0 {
				first = i + 1
				continue
			}
			c.Weights = append(c.Weights, int16(next-sum))
			count, sum = count+1, next
		}
		c.Spans = append(c.Spans, resample.Span{Offset: uint32((int(first) - from) * step), Count: uint32(count)})
	}
	return c
}

// roundDiv is a/b, rounded, for a >= 0 and b > 0.
func roundDiv(a, b int64) int64 { return (2*a + b) / (2 * b) }
