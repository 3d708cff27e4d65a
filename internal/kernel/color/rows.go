package color

// The weights of R, G, B in Y, Cb and Cr in 32768ths (ITU-T T.871, section 7), those of Y adding up to 1<<15 and those of Cb and Cr to 0.
const (
	yR, yG, yB    = 9798, 19235, 3735
	cbR, cbG, cbB = -5529, -10855, 16384
	crR, crG, crB = 16384, -13720, -2664
)

// mulhrs is a*b/32768, rounded: SSSE3's PMULHRSW, NEON's SQRDMULH.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }

// toY is Y of R, G, B: at 0 it is -16384, at 32640 it is 9760+19160+3720-16384 = 16256.
func toY(r, g, b int32) int32 { return mulhrs(r, yR) + mulhrs(g, yG) + mulhrs(b, yB) - 128<<7 }

// toCb is Cb of R, G, B: -5507-10813 = -16320 to 16320.
func toCb(r, g, b int32) int32 { return mulhrs(r, cbR) + mulhrs(g, cbG) + mulhrs(b, cbB) }

// toCr is Cr of R, G, B: -13666-2654 = -16320 to 16320.
func toCr(r, g, b int32) int32 { return mulhrs(r, crR) + mulhrs(g, crG) + mulhrs(b, crB) }

func luma(y []int16, rgb [3][]int16) {
	n := len(y)
	r, g, b := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	for x := range y {
		y[x] = int16(toY(int32(r[x]), int32(g[x]), int32(b[x])))
	}
}

func ycc(dst, rgb [3][]int16) {
	n := len(dst[0])
	y, cb, cr := dst[0], dst[1][:n], dst[2][:n]
	red, green, blue := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	for x := range y {
		r, g, b := int32(red[x]), int32(green[x]), int32(blue[x])
		y[x], cb[x], cr[x] = int16(toY(r, g, b)), int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}

func yccHalf(dst, rgb [3][]int16) {
	luma(dst[0], rgb)
	n := len(dst[0])
	red, green, blue := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	cb := dst[1][:(n+1)/2]
	cr := dst[2][:len(cb)]
	for i := range cb {
		x0, x1 := 2*i, min(2*i+1, n-1)
		r := (int32(red[x0]) + int32(red[x1]) + 1) >> 1
		g := (int32(green[x0]) + int32(green[x1]) + 1) >> 1
		b := (int32(blue[x0]) + int32(blue[x1]) + 1) >> 1
		cb[i], cr[i] = int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}

// Limited range has luma in 16..235 and chroma in 16..240 (ITU-R BT.601-7, 2.5.3): full = (y-16)*255/219 and c*255/224. In 32768ths
// 255/219 is 1 and 5387, 255/224 is 1 and 4535; 309 is 128*255/219 - 16*255/219 - 128 with 7 fractional bits.
const (
	expandY, expandYOffset = 5387, 309
	expandC                = 4535
)

func expandLuma(y []int16) {
	for x, v := range y {
		c := int32(v)
		y[x] = int16(min(max(c+mulhrs(c, expandY)+expandYOffset, -16384), 16256)) // before the clamp -18769..19238
	}
}

func expandChroma(c []int16) {
	for x, v := range c {
		c[x] = int16(min(max(int32(v)+mulhrs(int32(v), expandC), -16320), 16320)) // before the clamp -18652..18506
	}
}
