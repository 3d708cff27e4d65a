package resample

// area is what Covered makes, in plain Go. It sums samples of 0..32640 times weights: at most 32640<<14 < 1<<30.
func area(dst [3][]int16, src []int16, z *Cover) {
	off := int32(0)
	if z.Centered {
		off = bias
	}
	switch z.Step {
	case 1:
		planeArea(dst[0], src, z.Coverage, off)
	case 2:
		pairsArea(dst[0], dst[1], src, z.Coverage, off)
	default:
		pixelsArea(dst, src, z.Coverage, z.Step, off)
	}
}

// half is what rounds a sum.
const half = 1 << 13

func planeArea(dst, src []int16, c Coverage, off int32) {
	dst = dst[:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		sum := int32(half)
		p := src[s.Offset:][:s.Count]
		for i, w := range weights[:len(p)] {
			sum += int32(p[i]) * int32(w)
		}
		weights = weights[len(p):]
		dst[x] = int16(sum>>14 - off)
	}
}

func pairsArea(first, second, src []int16, c Coverage, off int32) {
	first, second = first[:len(c.Spans)], second[:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		s0, s1 := int32(half), int32(half)
		p := src[s.Offset:][:2*s.Count]
		for _, w := range weights[:s.Count] {
			s0 += int32(p[0]) * int32(w)
			s1 += int32(p[1]) * int32(w)
			p = p[2:]
		}
		weights = weights[s.Count:]
		first[x], second[x] = int16(s0>>14-off), int16(s1>>14-off)
	}
}

func pixelsArea(dst [3][]int16, src []int16, c Coverage, step int, off int32) {
	d0, d1, d2 := dst[0][:len(c.Spans)], dst[1][:len(c.Spans)], dst[2][:len(c.Spans)]
	weights := c.Weights
	for x, s := range c.Spans {
		s0, s1, s2 := int32(half), int32(half), int32(half)
		at := int(s.Offset)
		for _, w := range weights[:s.Count] {
			p := src[at : at+3]
			s0 += int32(p[0]) * int32(w)
			s1 += int32(p[1]) * int32(w)
			s2 += int32(p[2]) * int32(w)
			at += step
		}
		weights = weights[s.Count:]
		d0[x], d1[x], d2[x] = int16(s0>>14-off), int16(s1>>14-off), int16(s2>>14-off)
	}
}
