package resample

// bias is 128 with 7 fractional bits: what is taken off luma and chroma.
const bias = 128 << 7

// lerp is the sample between a and b, bytes, at w 128ths of the way: 0..32640.
func lerp(a, b byte, w int32) int32 { return int32(a)<<7 + (int32(b)-int32(a))*w }

func packed(dst [3][]int16, src []byte, taps []Tap, step int) {
	d0, d1, d2 := dst[0][:len(taps)], dst[1][:len(taps)], dst[2][:len(taps)]
	for x, t := range taps {
		p := src[t>>8:]
		q := p
		if len(p) > step {
			q = p[step:]
		}
		w := int32(t & 0xff)
		p, q = p[:3], q[:3]
		d0[x] = int16(lerp(p[0], q[0], w))
		d1[x] = int16(lerp(p[1], q[1], w))
		d2[x] = int16(lerp(p[2], q[2], w))
	}
}

func plane(dst []int16, src []byte, taps []Tap) {
	dst = dst[:len(taps)]
	for x, t := range taps {
		p := src[t>>8:]
		q := p[0]
		if len(p) > 1 {
			q = p[1]
		}
		dst[x] = int16(lerp(p[0], q, int32(t&0xff)) - bias)
	}
}

func pairs(first, second []int16, src []byte, taps []Tap) {
	first, second = first[:len(taps)], second[:len(taps)]
	for x, t := range taps {
		p := src[t>>8:]
		q := p
		if len(p) > 2 {
			q = p[2:]
		}
		w := int32(t & 0xff)
		p, q = p[:2], q[:2]
		first[x] = int16(lerp(p[0], q[0], w) - bias)
		second[x] = int16(lerp(p[1], q[1], w) - bias)
	}
}

// mulhrs is a*b/32768, rounded: SSSE3's PMULHRSW, NEON's SQRDMULH.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }

func wide(dst, src []int16, taps []WideTap) {
	dst = dst[:len(taps)]
	for x, t := range taps {
		p := src[t>>16:][:2]
		a := int32(p[0])
		dst[x] = int16(a + mulhrs(int32(p[1])-a, int32(t&0xffff))) // |p[1]-a| <= 32640: between the two
	}
}
