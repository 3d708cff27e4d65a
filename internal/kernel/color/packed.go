package color

// lerp is the sample between a and b, bytes, at w 128ths of the way: 0..32640.
func lerp(a, b byte, w int32) int32 { return int32(a)<<7 + (int32(b)-int32(a))*w }

// pixel is the pixel that t makes, with 7 fractional bits.
func pixel(src []byte, t uint32, p Packed) (r, g, b int32) {
	s := src[t>>8:]
	q := s
	if len(s) > p.Step {
		q = s[p.Step:]
	}
	w := int32(t & 0xff)
	s, q = s[:3], q[:3]
	c0, c1, c2 := lerp(s[0], q[0], w), lerp(s[1], q[1], w), lerp(s[2], q[2], w)
	if p.RedFirst {
		return c0, c1, c2
	}
	return c2, c1, c0
}

func packedLuma(y []int16, src []byte, taps []uint32, p Packed) {
	y = y[:len(taps)]
	for x, t := range taps {
		y[x] = int16(toY(pixel(src, t, p)))
	}
}

func packedYCC(dst [3][]int16, src []byte, taps []uint32, p Packed) {
	y, cb, cr := dst[0][:len(taps)], dst[1][:len(taps)], dst[2][:len(taps)]
	for x, t := range taps {
		r, g, b := pixel(src, t, p)
		y[x], cb[x], cr[x] = int16(toY(r, g, b)), int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}

func packedYCCHalf(dst [3][]int16, src []byte, taps []uint32, p Packed) {
	y := dst[0][:len(taps)]
	cb := dst[1][:(len(taps)+1)/2]
	cr := dst[2][:len(cb)]
	for i := range cb {
		x0, x1 := 2*i, min(2*i+1, len(taps)-1)
		r0, g0, b0 := pixel(src, taps[x0], p)
		r1, g1, b1 := pixel(src, taps[x1], p)
		y[x0], y[x1] = int16(toY(r0, g0, b0)), int16(toY(r1, g1, b1))
		r, g, b := (r0+r1+1)>>1, (g0+g1+1)>>1, (b0+b1+1)>>1
		cb[i], cr[i] = int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}
