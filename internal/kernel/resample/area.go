package resample

// area sums samples of 0..32640 times weights: at most 32640<<14 < 1<<30. What it makes is the definition of Covered's result.
func area(dst [3][]int16, src []int16, z *Cover) {
	off := int32(0)
	if z.Centred {
		off = bias
	}
	for c, row := range dst[:z.channels()] {
		row, weights := row[:len(z.Spans)], z.Weights
		for x, s := range z.Spans {
			sum := int32(1 << 13)
			at := int(s.Offset) + c
			for _, w := range weights[:s.Count] {
				sum += int32(src[at]) * int32(w)
				at += z.Step
			}
			weights = weights[s.Count:]
			row[x] = int16(sum>>14 - off)
		}
	}
}
