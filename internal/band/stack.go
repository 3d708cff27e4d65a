package band

import "github.com/steadyframe/steadyframe/internal/kernel/blend"

// stack sets dst to line n of a source that shrinks in both directions, by filter Area: the mean of input rows, as they are,
// comes first, so that only one row for each line is resized across.
func (sc *Scratch) stack(src *source, c *cache, n int, dst *[3][]int16) {
	channels := sc.channels(src, dst)
	for i := range src.inputs {
		if src.layout == floats {
			sc.stackFloats(src, c, i, src.down.cover[n])
		} else {
			sc.stackBytes(src, c, i, src.down.stack[n])
		}
		src.cover.Row(src.covers(channels, i), c.wide)
	}
	sc.convertRow(src, dst)
}

// stackBytes sets the source's wide row to the mean of rows of its i-th input plane.
func (sc *Scratch) stackBytes(src *source, c *cache, i int, s stacked) {
	p := &sc.planes[src.input+i]
	first, last := s.row*p.Stride, (s.row+s.mean.Count()-1)*p.Stride
	from, to := src.across.first*src.step, (src.across.last+1)*src.step
	rows := blend.Rows{Pix: p.Pix[first+from : last+to], Stride: p.Stride, Ahead: sc.aheadOf(src, s.row+s.mean.Count())}
	sc.sampler.kernels.blend.Average(c.wide, rows, s.mean)
	sc.made += s.mean.Count()
}

// stackFloats is stackBytes for a plane of float32.
func (sc *Scratch) stackFloats(src *source, c *cache, i int, s covered) {
	k := &sc.sampler.kernels
	ahead := sc.aheadOf(src, s.row+len(s.weights))
	for r, w := range s.weights {
		k.tensor.Row(c.wide, sc.input(src, i, s.row+r), ahead, src.floats)
		k.blend.Accumulate(c.sums[0], c.wide, w)
	}
	k.blend.Resolve(c.wide, c.sums[0])
	sc.made += len(s.weights)
}
