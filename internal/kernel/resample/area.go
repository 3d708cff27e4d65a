package resample

// The sums below are of bytes times weights that add up to 1<<14, so at most 255<<14 < 1<<22; >> 7 leaves 7 fractional bits.

func packedArea(dst [3][]int16, src []byte, c Coverage, step int) {
	d0, d1, d2 := dst[0][:len(c.Spans)], dst[1][:len(c.Spans)], dst[2][:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		s0, s1, s2 := int32(1<<6), int32(1<<6), int32(1<<6)
		p := src[s.Offset:]
		for _, w16 := range weights[:s.Count] {
			w := int32(w16)
			s0 += int32(p[0]) * w
			s1 += int32(p[1]) * w
			s2 += int32(p[2]) * w
			p = p[min(step, len(p)):]
		}
		weights = weights[s.Count:]
		d0[x], d1[x], d2[x] = int16(s0>>7), int16(s1>>7), int16(s2>>7)
	}
}

func planeArea(dst []int16, src []byte, c Coverage) {
	dst = dst[:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		sum := int32(1 << 6)
		p := src[s.Offset:][:s.Count]
		for i, w := range weights[:len(p)] {
			sum += int32(p[i]) * int32(w)
		}
		weights = weights[len(p):]
		dst[x] = int16(sum>>7 - bias)
	}
}

func pairsArea(first, second []int16, src []byte, c Coverage) {
	first, second = first[:len(c.Spans)], second[:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		s0, s1 := int32(1<<6), int32(1<<6)
		p := src[s.Offset:][:2*s.Count]
		for _, w16 := range weights[:s.Count] {
			w := int32(w16)
			s0 += int32(p[0]) * w
			s1 += int32(p[1]) * w
			p = p[2:]
		}
		weights = weights[s.Count:]
		first[x], second[x] = int16(s0>>7-bias), int16(s1>>7-bias)
	}
}

// wideArea sums samples of 0..32640 times weights: at most 32640<<14 < 1<<30.
func wideArea(dst, src []int16, c Coverage) {
	dst = dst[:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		sum := int32(1 << 13)
		p := src[s.Offset:][:s.Count]
		for i, w := range weights[:len(p)] {
			sum += int32(p[i]) * int32(w)
		}
		weights = weights[len(p):]
		dst[x] = int16(sum >> 14)
	}
}
