package resample

import "encoding/binary"

// bias is 128 with 7 fractional bits, which is subtracted from luma and chroma.
const bias = 128 << 7

// lerp is the sample between a and b at w 128ths of the way: 0..32640.
func lerp(a, b byte, w uint32) int16 { return int16(int32(a)<<7 + (int32(b)-int32(a))*int32(w)) }

// pixelWeights returns the mask and the slope with which one multiplication interpolates a channel of two pixels that lie step bytes (3 or
// 4) apart in a little-endian word:
//
//	(word & mask) * (128<<48 - w*slope) >> 48
//
// The mask leaves a + b<<d, where d = 8*step. The other factor is (128-w)<<48 + w<<(48-d). Their product has a*(128-w) + b*w, which is at
// most 255*128 < 1<<15, at bit 48; a*w at bit 48-d, from where it ends below bit 48; and b*(128-w) at bit 48+d, outside the word.
func pixelWeights(step int) (mask, slope uint64) {
	d := 8 * step
	return 0xff | 0xff<<d, 1<<48 - 1<<(48-d)
}

func packed(dst [3][]int16, src []byte, taps []Tap, step int) {
	d0, d1, d2 := dst[0][:len(taps)], dst[1][:len(taps)], dst[2][:len(taps)]
	mask, slope := pixelWeights(step)
	for x, t := range taps {
		at := int(t.Offset)
		if at+8 > len(src) {
			packedTail([3][]int16{d0[x:], d1[x:], d2[x:]}, src, taps[x:], step)
			return
		}
		v := binary.LittleEndian.Uint64(src[at : at+8]) // both pixels and a bit more
		w := 128<<48 - uint64(t.Weight)*slope
		d0[x] = int16(v & mask * w >> 48)
		d1[x] = int16(v >> 8 & mask * w >> 48)
		d2[x] = int16(v >> 16 & mask * w >> 48)
	}
}

// packedTail is packed where the row ends soon, and the plain form of it.
func packedTail(dst [3][]int16, src []byte, taps []Tap, step int) {
	for x, t := range taps {
		p := src[t.Offset:]
		q := p
		if len(p) > step {
			q = p[step:]
		}
		for c := range dst {
			dst[c][x] = lerp(p[c], q[c], t.Weight)
		}
	}
}

func plane(dst []int16, src []byte, taps []Tap, centered bool) {
	dst = dst[:len(taps)]
	off := int16(0)
	if centered {
		off = bias
	}
	for x, t := range taps {
		at := int(t.Offset)
		a := src[at]
		b := a
		if at+1 < len(src) {
			b = src[at+1]
		}
		dst[x] = lerp(a, b, t.Weight) - off
	}
}

func pairs(first, second []int16, src []byte, taps []Tap) {
	first, second = first[:len(taps)], second[:len(taps)]
	for x, t := range taps {
		at := int(t.Offset)
		if at+4 > len(src) {
			p := src[at : at+2] // the row ends with it: the weight does not matter
			first[x], second[x] = lerp(p[0], p[0], 0)-bias, lerp(p[1], p[1], 0)-bias
			continue
		}
		p := src[at : at+4]
		first[x], second[x] = lerp(p[0], p[2], t.Weight)-bias, lerp(p[1], p[3], t.Weight)-bias
	}
}

// mulhrs is a*b/32768, rounded: SSSE3's PMULHRSW, NEON's SQRDMULH.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }

func lookup(dst []int16, src []byte, table *[256]int16) {
	src = src[:len(dst)]
	for x := range dst {
		dst[x] = table[src[x]]
	}
}

func pairsLookup(first, second []int16, src []byte, table *[256]int16) {
	second = second[:len(first)]
	src = src[:2*len(first)]
	for x := range first {
		p := src[2*x : 2*x+2]
		first[x], second[x] = table[p[0]], table[p[1]]
	}
}
