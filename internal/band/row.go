package band

// row returns what src makes of an input row, from the cache or made now.
func (sc *Scratch) row(src *source, c *cache, number int) *[3][]int16 {
	for i := range c.rows[:c.slots] {
		if c.rows[i].number == number {
			return &c.rows[i].planes
		}
	}
	// Lines are made from top to bottom, so that the oldest row is the topmost, and is not needed again.
	r := &c.rows[c.oldest]
	c.oldest = (c.oldest + 1) % c.slots
	r.number = number
	sc.prefetch(src, number)
	sc.makeRow(src, &r.planes, number)
	sc.made++
	return &r.planes
}

// prefetch asks for an input row that will be needed some rows after number.
func (sc *Scratch) prefetch(src *source, number int) {
	ahead := int(src.down.ahead[number])
	if ahead == 0 {
		return
	}
	for i := range src.inputs {
		sc.sampler.kernels.resample.Prefetch(sc.input(src, i, ahead))
	}
}

// makeRow makes a row of the cache: interpolation across, and colours.
func (sc *Scratch) makeRow(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels
	switch {
	case src.pixels != nil:
		src.pixels.Row(*dst, sc.input(src, 0, number))
	case src.converts():
		sc.convertPacked(src, dst, sc.input(src, 0, number))
	case src.lookup != nil:
		sc.lookUp(src, dst, number)
	case src.convert != none:
		sc.interpolate(src, &sc.rgb, number)
		switch src.convert {
		case toYCC:
			k.color.YCC(*dst, sc.rgb)
		case toYCCHalf:
			k.color.YCCHalf(*dst, sc.rgb)
		case toLuma:
			k.color.Luma(dst[0], sc.rgb)
		}
	default:
		sc.interpolate(src, dst, number)
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
	for i := range src.count {
		k.Lookup(dst[i], sc.input(src, i, number), src.lookup)
	}
}

// interpolate makes rows of the channels of an input row: R, G, B, or luma, or Cb, Cr.
func (sc *Scratch) interpolate(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels.resample
	t := &src.across
	switch src.layout {
	case packed:
		in, rows := sc.input(src, 0, number), [3][]int16{dst[2], dst[1], dst[0]}
		if src.packed.RedFirst {
			rows = *dst
		}
		switch {
		case src.cover != nil:
			src.cover.Row(rows, in)
		case t.method == Area:
			k.PackedArea(rows, in, t.cover, src.step)
		default:
			k.Packed(rows, in, t.taps, src.step)
		}
	case single, double:
		for i := range src.count {
			sc.interpolateBytes(src, dst[i:], sc.input(src, i, number))
		}
	case pairs:
		sc.interpolateBytes(src, dst[:], sc.input(src, 0, number))
	case floats:
		sc.interpolateFloats(src, dst, number)
	}
}

// interpolateBytes is interpolate for bytes of one channel, or of two that are interleaved.
func (sc *Scratch) interpolateBytes(src *source, dst [][]int16, in []byte) {
	k, t := &sc.sampler.kernels.resample, &src.across
	area := t.method == Area
	switch {
	case src.bytes != nil:
		src.bytes.Row(dst, in)
	case src.layout == pairs && area:
		k.PairsArea(dst[0], dst[1], in, t.cover)
	case src.layout == pairs:
		k.Pairs(dst[0], dst[1], in, t.taps)
	case area:
		k.PlaneArea(dst[0], in, t.cover)
	default:
		k.Plane(dst[0], in, t.taps)
	}
}

// interpolateFloats is interpolate for planes of float32, one after the other.
func (sc *Scratch) interpolateFloats(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels
	n := src.across.inputs()
	for i := range dst {
		row := dst[2-i]
		if src.packed.RedFirst {
			row = dst[i]
		}
		in := sc.input(src, i, number)
		if src.across.copies {
			k.tensor.Row(row, in, src.floats.factor, src.floats.offset)
			continue
		}
		k.tensor.Row(sc.wide[:n], in, src.floats.factor, src.floats.offset)
		sc.wide[n] = sc.wide[n-1]
		if src.across.method == Area {
			k.resample.WideArea(row, sc.wide, src.across.cover)
		} else {
			k.resample.Wide(row, sc.wide, src.across.taps)
		}
	}
}
