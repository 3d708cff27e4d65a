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
	sc.makeRow(src, &r.planes, number)
	sc.made++
	return &r.planes
}

// makeRow makes a row of the cache: interpolation across, and colours.
func (sc *Scratch) makeRow(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels.color
	if src.fuses() {
		in := sc.input(src, 0, number)
		switch src.convert {
		case toYCC:
			k.PackedYCC(*dst, in, src.across.taps, src.packed)
		case toYCCHalf:
			k.PackedYCCHalf(*dst, in, src.across.taps, src.packed)
		case toLuma:
			k.PackedLuma(dst[0], in, src.across.taps, src.packed)
		}
		return
	}
	channels := dst
	if src.convert != none {
		channels = &sc.rgb
	}
	sc.interpolate(src, channels, number)
	switch src.convert {
	case toYCC:
		k.YCC(*dst, sc.rgb)
	case toYCCHalf:
		k.YCCHalf(*dst, sc.rgb)
	case toLuma:
		k.Luma(dst[0], sc.rgb)
	}
	if src.limited {
		sc.expand(src, dst)
	}
}

// input returns the samples of the crop in row number of the source's i-th input plane.
func (sc *Scratch) input(src *source, i, number int) []byte {
	p := &sc.planes[src.input+i]
	row := p.Pix[number*p.Stride:]
	return row[src.across.first*src.step : (src.across.last+1)*src.step]
}

// interpolate makes rows of the channels of an input row: R, G, B, or luma, or Cb, Cr.
func (sc *Scratch) interpolate(src *source, dst *[3][]int16, number int) {
	k := &sc.sampler.kernels.resample
	t := &src.across
	area := t.method == Area
	switch in := sc.input(src, 0, number); src.layout {
	case packed:
		memoryOrder := [3][]int16{dst[2], dst[1], dst[0]}
		if src.packed.RedFirst {
			memoryOrder = *dst
		}
		if area {
			k.PackedArea(memoryOrder, in, t.cover, src.step)
		} else {
			k.Packed(memoryOrder, in, t.taps, src.step)
		}
	case single, double:
		for i := range src.count {
			if in := sc.input(src, i, number); area {
				k.PlaneArea(dst[i], in, t.cover)
			} else {
				k.Plane(dst[i], in, t.taps)
			}
		}
	case pairs:
		if area {
			k.PairsArea(dst[0], dst[1], in, t.cover)
		} else {
			k.Pairs(dst[0], dst[1], in, t.taps)
		}
	case floats:
		sc.interpolateFloats(src, dst, number)
	}
}

func (sc *Scratch) interpolateFloats(src *source, dst *[3][]int16, number int) {
	n := len(sc.wide) - 1
	for i := range dst {
		to := dst[2-i]
		if src.packed.RedFirst {
			to = dst[i]
		}
		sc.sampler.kernels.tensor.Row(sc.wide[:n], sc.input(src, i, number), src.floats.factor, src.floats.offset)
		sc.wide[n] = sc.wide[n-1]
		if k := &sc.sampler.kernels.resample; src.across.method == Area {
			k.WideArea(to, sc.wide, src.across.cover)
		} else {
			k.Wide(to, sc.wide, src.across.wide)
		}
	}
}

// expand stretches luma or chroma of limited range.
func (sc *Scratch) expand(src *source, rows *[3][]int16) {
	k := &sc.sampler.kernels.color
	if src.first == 0 {
		k.ExpandLuma(rows[0])
		return
	}
	k.ExpandChroma(rows[0])
	k.ExpandChroma(rows[1])
}
