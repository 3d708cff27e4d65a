package band

import (
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
)

// row returns the row that src makes of an input row, cached or computed now.
func (sc *Scratch) row(src *source, c *cache, number int) *[3][]int16 {
	for i := range c.rows[:c.slots] {
		if c.rows[i].number == number {
			return &c.rows[i].planes
		}
	}
	// Lines are made from top to bottom, so that the oldest row is the topmost, and is not needed again.
	r := &c.rows[c.oldest]
	if c.oldest++; c.oldest == c.slots {
		c.oldest = 0
	}
	r.number = number
	sc.made++
	if src.pixels != nil {
		src.pixels.Row(&r.planes, sc.input(src, 0, number), sc.aheadOfRow(src, number))
		return &r.planes
	}
	sc.prefetch(src, number)
	sc.makeRow(src, c, &r.planes, number)
	return &r.planes
}

// prefetch prefetches an input row that will be needed some rows after number, unless the kernel does.
func (sc *Scratch) prefetch(src *source, number int) {
	ahead := int(src.down.ahead[number])
	if ahead == 0 || src.layout.isFloat() || src.planar != nil || src.bytes != nil {
		return
	}
	for i := range src.inputs {
		sc.sampler.kernels.resample.Prefetch(sc.input(src, i, ahead))
	}
}

// aheadOfRow returns how many bytes ahead of row number the row lies that prefetch would fetch; 0 for none.
func (sc *Scratch) aheadOfRow(src *source, number int) int {
	ahead := int(src.down.ahead[number])
	if ahead == 0 {
		return 0
	}
	return (ahead - number) * sc.planes[src.input].Stride
}

// makeRow makes a row of the cache: interpolation across, and colors. That of src.pixels is for row.
func (sc *Scratch) makeRow(src *source, c *cache, dst *[3][]int16, number int) {
	switch {
	case src.planar != nil:
		var rgb [3][]byte
		for i := range rgb {
			rgb[i] = sc.input(src, src.place(i), number)
		}
		src.planar.Row(*dst, rgb, sc.aheadOfRow(src, number))
	case src.converts():
		sc.convertPacked(src, dst, sc.input(src, 0, number))
	case src.lookup != nil:
		sc.lookUp(src, sc.channels(src, dst), number)
		if src.layout == planar {
			sc.convertRow(src, dst)
		}
	default:
		sc.interpolate(src, c, sc.channels(src, dst), number)
		sc.convertRow(src, dst)
	}
}

// channels returns the rows that an interpolation makes: R, G, B if those of dst are made of them.
func (sc *Scratch) channels(src *source, dst *[3][]int16) *[3][]int16 {
	if src.convert != none {
		return &sc.rgb
	}
	return dst
}

// convertRow makes dst of what an interpolation has made.
func (sc *Scratch) convertRow(src *source, dst *[3][]int16) {
	k := &sc.sampler.kernels
	switch src.convert {
	case toYCC:
		k.color.YCC(*dst, sc.rgb)
	case toYCCHalf:
		k.color.YCCHalf(*dst, sc.rgb)
	case toLuma:
		k.color.Luma(dst[0], sc.rgb)
	default:
		for i := range src.count {
			src.expand(k, dst[i])
		}
	}
}

// input returns the samples of the crop in row number of the source's i-th input plane.
func (sc *Scratch) input(src *source, i, number int) []byte {
	p := &sc.planes[src.input+i]
	row := p.Pix[number*p.Stride:]
	return row[src.across.first*src.step : (src.across.last+1)*src.step]
}

// convertPacked makes luma and chroma of pixels that are not interpolated across.
func (sc *Scratch) convertPacked(src *source, dst *[3][]int16, in []byte) {
	k := &sc.sampler.kernels.color
	switch src.convert {
	case toYCC:
		k.PackedYCC(*dst, in, src.packed)
	case toYCCHalf:
		k.PackedYCCHalf(*dst, in, src.packed)
	case toLuma:
		k.PackedLuma(dst[0], in, src.packed)
	}
}

// lookUp makes rows of bytes that are not interpolated across.
func (sc *Scratch) lookUp(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels.resample
	if src.layout == pairs {
		k.PairsLookup(dst[0], dst[1], sc.input(src, 0, number), src.lookup)
		return
	}
	for i := range src.inputs {
		k.Lookup(src.rows(dst, i)[0], sc.input(src, i, number), src.lookup)
	}
}

// interpolate makes rows of the channels of an input row: R, G, B, or luma, or Cb, Cr.
func (sc *Scratch) interpolate(src *source, c *cache, dst *[3][]int16, number int) {
	k, t := &sc.sampler.kernels.resample, &src.across
	switch {
	case src.layout.isFloat():
		sc.interpolateFloats(src, c, dst, number)
	case t.method == Area:
		for i := range src.inputs {
			in := sc.input(src, i, number)
			sc.sampler.kernels.blend.Average(c.wide[0], blend.Rows{Pix: in}, blend.NewAverage(0, 1, 0))
			src.cover.Row(src.rows(dst, i), c.wide[0])
		}
	case src.layout == packed:
		k.Packed(src.inMemory(dst), sc.input(src, 0, number), t.taps, src.step)
	default:
		for i := range src.inputs {
			sc.interpolateBytes(src, src.rows(dst, i), sc.input(src, i, number), sc.aheadOfRow(src, number))
		}
	}
}

// inMemory returns rows R, G, B in the order that they have in pixels, or as planes.
func (src *source) inMemory(rgb *[3][]int16) [3][]int16 {
	if src.packed.RedFirst {
		return *rgb
	}
	return [3][]int16{rgb[2], rgb[1], rgb[0]}
}

// place returns where in pixels, or among planes, a channel is: R, G, B are 0, 1, 2.
func (src *source) place(channel int) int {
	if src.packed.RedFirst {
		return channel
	}
	return 2 - channel
}

// rows returns which of the rows that an interpolation makes are made of the source's i-th input plane.
func (src *source) rows(dst *[3][]int16, i int) [3][]int16 {
	switch src.layout {
	case packed, floatPixels:
		return src.inMemory(dst)
	case planar, floats:
		return [3][]int16{src.inMemory(dst)[i]}
	case pairs:
		return *dst
	}
	return [3][]int16{dst[i]}
}

// interpolateBytes is interpolate for bytes of one channel, or of two that are interleaved.
func (sc *Scratch) interpolateBytes(src *source, dst [3][]int16, in []byte, ahead int) {
	k, t := &sc.sampler.kernels.resample, &src.across
	switch {
	case src.bytes != nil:
		src.bytes.Row(dst[:], in, ahead)
	case src.layout == pairs:
		k.Pairs(dst[0], dst[1], in, t.taps)
	default:
		k.Plane(dst[0], in, t.taps, !src.layout.isRGB())
	}
}

// interpolateFloats is interpolate for floats: of planes, one after the other.
func (sc *Scratch) interpolateFloats(src *source, c *cache, dst *[3][]int16, number int) {
	n := src.across.inputs()
	if src.layout == floats && src.wide != nil {
		k, ahead, row := &sc.sampler.kernels.tensor, sc.aheadOfRow(src, number), c.wide[0]
		for channel := range dst {
			k.Row(row[:n], sc.input(src, src.place(channel), number), ahead, src.floats)
			row[n] = row[n-1]
			src.wide.Row(dst[channel], row)
		}
		return
	}
	for i := range src.inputs {
		rows := src.rows(dst, i)
		switch {
		case src.across.copies:
			sc.readFloats(src, rows, i, number)
		case src.across.method == Area:
			sc.sampler.kernels.tensor.Row(c.wide[0], sc.input(src, i, number), sc.aheadOfRow(src, number), src.floats)
			src.cover.Row(rows, c.wide[0])
		default:
			wide := c.wide
			for k := range wide[:3/src.inputs] {
				wide[k] = wide[k][:n]
			}
			sc.readFloats(src, wide, i, number)
			for k, row := range c.wide[:3/src.inputs] {
				row[n] = row[n-1]
				src.wide.Row(rows[k], row)
			}
		}
	}
}

// readFloats sets rows to the samples of a row of the source's i-th input plane: one row, or three, of pixels.
func (sc *Scratch) readFloats(src *source, rows [3][]int16, i, number int) {
	k, in, ahead := &sc.sampler.kernels.tensor, sc.input(src, i, number), sc.aheadOfRow(src, number)
	if src.layout == floatPixels {
		k.Pixels(rows, in, ahead, src.floats)
		return
	}
	k.Row(rows[0], in, ahead, src.floats)
}

// stack sets dst to line n of a source that shrinks in both directions, by filter Area: the mean of input rows, as they are,
// comes first, so that only one row for each line is resized across.
func (sc *Scratch) stack(src *source, c *cache, n int, dst *[3][]int16) {
	channels := sc.channels(src, dst)
	for i := range src.inputs {
		if src.layout.isFloat() {
			sc.stackFloats(src, c, i, src.down.cover[n])
		} else {
			sc.stackBytes(src, c, i, src.down.stack[n])
		}
		src.cover.Row(src.rows(channels, i), c.wide[0])
	}
	sc.convertRow(src, dst)
}

// stackBytes sets the source's wide row to the mean of rows of its i-th input plane.
func (sc *Scratch) stackBytes(src *source, c *cache, i int, s stacked) {
	p := &sc.planes[src.input+i]
	first, last := s.row*p.Stride, (s.row+s.mean.Count()-1)*p.Stride
	from, to := src.across.first*src.step, (src.across.last+1)*src.step
	rows := blend.Rows{Pix: p.Pix[first+from : last+to], Stride: p.Stride, Ahead: sc.aheadOf(src, s.row+s.mean.Count())}
	sc.sampler.kernels.blend.Average(c.wide[0], rows, s.mean)
	sc.made += s.mean.Count()
}

// stackFloats is stackBytes for floats.
func (sc *Scratch) stackFloats(src *source, c *cache, i int, s covered) {
	k := &sc.sampler.kernels
	ahead := sc.aheadOf(src, s.row+len(s.weights))
	for r, w := range s.weights {
		k.tensor.Row(c.wide[0], sc.input(src, i, s.row+r), ahead, src.floats)
		k.blend.Accumulate(c.sums[0], c.wide[0], w)
	}
	k.blend.Resolve(c.wide[0], c.sums[0])
	sc.made += len(s.weights)
}
