package pack

import "encoding/binary"

func rgb24(dst []byte, r, g, b []int16) {
	n := len(dst) / 3
	r, g, b = r[:n], g[:n], b[:n]
	for i := range r {
		px := dst[3*i : 3*i+3 : 3*i+3]
		px[0], px[1], px[2] = pixel(r[i]), pixel(g[i]), pixel(b[i])
	}
}

func rgba(dst []byte, r, g, b []int16) {
	n := len(dst) / 4
	r, g, b = r[:n], g[:n], b[:n]
	for i := range r {
		binary.LittleEndian.PutUint32(dst[4*i:4*i+4], uint32(pixel(r[i]))|uint32(pixel(g[i]))<<8|uint32(pixel(b[i]))<<16|255<<24)
	}
}

// pixel rounds off 4 fractional bits. The branch is never taken for samples of a band, 0..4080.
func pixel(v int16) byte {
	p := (int32(v) + 8) >> 4
	if uint32(p) > 255 {
		return byte(^p >> 31) // 0 below the range, 255 above
	}
	return byte(p)
}

// Limited range (Recommendation ITU-R BT.601, 2.5.3) has 219 steps of luma and 224 of chroma where full range has 255.
// Factors have 15 fractional bits, samples are brought to 7, so that the product is rounded to 1/128 of a step and the
// result to a step: what was widened from limited range comes back exact.
const (
	lumaFactor   = 28142 // 219/255
	chromaFactor = 28784 // 224/255
	// lumaOffset is 16 + 128*219/255, black and half the range, with 7 fractional bits, and half a step to round.
	lumaOffset   = 16119 + 64
	chromaOffset = 128<<7 + 64
)

func limitedLuma(dst []byte, y []int16) {
	y = y[:len(dst)]
	for i, v := range y {
		// v*8 is -16384..16256, the product -14071..13961, the sum 2112..30144: 16..235 when shifted.
		dst[i] = byte((mulhrs(int32(v)<<3, lumaFactor) + lumaOffset) >> 7)
	}
}

func limitedChroma(dst []byte, c []int16) {
	c = c[:len(dst)]
	for i, v := range c {
		// v*8 is -16320..16320, the product -14336..14336, the sum 2112..30784: 16..240 when shifted.
		dst[i] = byte((mulhrs(int32(v)<<3, chromaFactor) + chromaOffset) >> 7)
	}
}

// mulhrs is a*b/32768, rounded.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }
