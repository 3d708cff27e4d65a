package resample

import "encoding/binary"

// The sums of bytes times weights are at most 255<<14 < 1<<22, since the weights of a span add up to 1<<14. With half of a 128th added,
// >> 7 leaves 7 fractional bits.

// packedArea adds up two pixels with one multiplication for each channel, much as packed does. In
//
//	(word & mask) * (w<<40 + w'<<(40-d))
//
// with the mask leaving a + b<<d, a*w + b*w' stands at bit 40; a*w' stands at bit 40-d, where the sum over a whole span ends below bit 38;
// and b*w stands at bit 40+d, outside the word.
func packedArea(dst [3][]int16, src []byte, c Coverage, step int) {
	d0, d1, d2 := dst[0][:len(c.Spans)], dst[1][:len(c.Spans)], dst[2][:len(c.Spans)]
	mask := uint64(0xff | 0xff<<(8*step))
	shift := uint(40-8*step) & 63
	from := 0
	for x, s := range c.Spans {
		at := int(s.Offset)
		weights := c.Weights[from : from+int(s.Count)]
		from += len(weights)
		s0, s1, s2 := uint64(1<<46), uint64(1<<46), uint64(1<<46)
		i := 0
		for ; i < len(weights) && at+8 <= len(src); i += 2 {
			v := binary.LittleEndian.Uint64(src[at : at+8])
			w := uint64(weights[i]) << 40
			if i+1 < len(weights) {
				w |= uint64(weights[i+1]) << shift
			}
			s0 += v & mask * w
			s1 += v >> 8 & mask * w
			s2 += v >> 16 & mask * w
			at += 2 * step
		}
		for ; i < len(weights); i++ { // where the row ends soon
			p, w := src[at:at+3], uint64(weights[i])<<40
			s0 += uint64(p[0]) * w
			s1 += uint64(p[1]) * w
			s2 += uint64(p[2]) * w
			at += step
		}
		d0[x], d1[x], d2[x] = int16(s0>>47), int16(s1>>47), int16(s2>>47)
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
		n := len(p) / 2
		for i, w := range weights[:n] {
			q := p[2*i : 2*i+2]
			s0 += int32(q[0]) * int32(w)
			s1 += int32(q[1]) * int32(w)
		}
		weights = weights[n:]
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
