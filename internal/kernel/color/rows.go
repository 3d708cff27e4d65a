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

// toCb is Cb of R, G, B: from -5507-10813 = -16320 to 16320.
func toCb(r, g, b int32) int32 { return mulhrs(r, cbR) + mulhrs(g, cbG) + mulhrs(b, cbB) }

// toCr is Cr of R, G, B: from -13666-2654 = -16320 to 16320.
func toCr(r, g, b int32) int32 { return mulhrs(r, crR) + mulhrs(g, crG) + mulhrs(b, crB) }

func ycc(dst, rgb [3][]int16) {
	luma(dst[0], rgb)
	n := len(dst[0])
	cb, cr := dst[1][:n], dst[2][:n]
	red, green, blue := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	for x := range cb {
		r, g, b := int32(red[x]), int32(green[x]), int32(blue[x])
		cb[x], cr[x] = int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}

func yccHalf(dst, rgb [3][]int16) {
	luma(dst[0], rgb)
	n := len(dst[0])
	red, green, blue := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	cb := dst[1][:(n+1)/2]
	cr := dst[2][:len(cb)]
	for i := chromaWords(cb, cr, red, green, blue); i < len(cb); i++ {
		x0, x1 := 2*i, min(2*i+1, n-1)
		r := (int32(red[x0]) + int32(red[x1]) + 1) >> 1
		g := (int32(green[x0]) + int32(green[x1]) + 1) >> 1
		b := (int32(blue[x0]) + int32(blue[x1]) + 1) >> 1
		cb[i], cr[i] = int16(toCb(r, g, b)), int16(toCr(r, g, b))
	}
}

func luma(y []int16, rgb [3][]int16) {
	n := len(y)
	r, g, b := rgb[0][:n], rgb[1][:n], rgb[2][:n]
	for x := lumaWords(y, r, g, b); x < n; x++ {
		y[x] = int16(toY(int32(r[x]), int32(g[x]), int32(b[x])))
	}
}

// lumaWords is luma for as many samples as fill whole words, and returns how many.
func lumaWords(y, r, g, b []int16) int {
	yw, rw, gw, bw := words(y), words(r), words(g), words(b)
	n := min(len(yw), len(rw), len(gw), len(bw))
	yw, rw, gw, bw = yw[:n], rw[:n], gw[:n], bw[:n]
	// Each product is at most 32640*19235 < 1<<30. The last term also adds 1<<14 to Y, so that Y is 32768 too large: 16384..49024.
	const last = rounded + 1<<29*ones
	for i := range yw {
		v := rw[i]
		even := ((v&evenLanes)*yR + rounded) & whole
		odd := ((v>>16&evenLanes)*yR + rounded) & whole
		v = gw[i]
		even += ((v&evenLanes)*yG + rounded) & whole
		odd += ((v>>16&evenLanes)*yG + rounded) & whole
		v = bw[i]
		even += ((v&evenLanes)*yB + last) & whole
		odd += ((v>>16&evenLanes)*yB + last) & whole
		yw[i] = (even>>15 | odd<<1) ^ signs
	}
	return 4 * n
}

// chromaWords is the chroma of yccHalf for as many samples of R as fill whole words, and returns how many samples of Cb that makes.
func chromaWords(cb, cr, r, g, b []int16) int {
	cbw, crw, rw, gw, bw := pairsOf(cb), pairsOf(cr), words(r), words(g), words(b)
	n := min(len(cbw), len(crw), len(rw), len(gw), len(bw))
	cbw, crw, rw, gw, bw = cbw[:n], crw[:n], rw[:n], gw[:n], bw[:n]
	const (
		// mulhrs(v, -c) is -((v*c + roundedDown) >> 15): a half is rounded up, and so down where the product is subtracted.
		roundedDown = rounded - ones
		// What each sum begins with: 32768 in either lane, so that no lane is below 0 or above 1<<16.
		first = rounded + 1<<30*ones
	)
	for i := range cbw {
		r, g, b := rw[i], gw[i], bw[i]
		r = (r + r>>16 + ones) >> 1 & means
		g = (g + g>>16 + ones) >> 1 & means
		b = (b + b>>16 + ones) >> 1 & means
		v := (b<<14+first)&whole - (r*-cbR+roundedDown)&whole - (g*-cbG+roundedDown)&whole
		v = v>>15 ^ signs&evenLanes
		cbw[i] = uint32(v | v>>16)
		v = (r<<14+first)&whole - (b*-crB+roundedDown)&whole - (g*-crG+roundedDown)&whole
		v = v>>15 ^ signs&evenLanes
		crw[i] = uint32(v | v>>16)
	}
	return 2 * n
}

// means is where the means of neighbors, 0..32640, stand in a word.
const means = 0x00007FFF_00007FFF
