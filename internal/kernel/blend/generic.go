package blend

// mulhrs is a*b/32768, rounded: SSSE3's PMULHRSW, NEON's SQRDMULH.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }

func line(dst, a []int16) {
	dst = dst[:len(a)]
	for i := lineWords(words(dst), words(a)); i < len(a); i++ {
		dst[i] = int16((int32(a[i]) + 4) >> 3)
	}
}

func lineWords(dst, a []uint64) (samples int) {
	n := min(len(dst), len(a))
	dst, a = dst[:n], a[:n]
	for i, v := range a {
		v = ((v ^ signs) + 4*each) >> 3 & ((1<<13 - 1) * each)
		dst[i] = (v + (1<<15-1<<12)*each) ^ signs
	}
	return 4 * n
}

func lerp(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i := lerpWords(words(dst), words(a), words(b), w); i < len(a); i++ {
		v := int32(a[i]) + mulhrs(int32(b[i])-int32(a[i]), int32(w))
		dst[i] = int16((v + 4) >> 3)
	}
}

// lerpWords uses that a + mulhrs(b-a, w) is (a*(32768-w) + b*w + 1<<14) >> 15, and that the floor at bit 3 of a floor at bit 15 is the
// floor at bit 18. The sums are at most 65408<<15 + 1<<18 < 1<<32.
func lerpWords(dst, a, b []uint64, w int16) (samples int) {
	const round = (4<<15 + 1<<14) * pair
	n := min(len(dst), len(a), len(b))
	dst, a, b = dst[:n], a[:n], b[:n]
	wb := uint64(w)
	wa := 1<<15 - wb
	for i := range dst {
		x, y := a[i]^signs, b[i]^signs
		e := (x&even)*wa + (y&even)*wb + round
		o := (x>>16&even)*wa + (y>>16&even)*wb + round
		dst[i] = join(e>>18, o>>18)
	}
	return 4 * n
}

func mean(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i := meanWords(words(dst), words(a), words(b)); i < len(a); i++ {
		dst[i] = int16((int32(a[i]) + int32(b[i]) + 8) >> 4)
	}
}

func meanWords(dst, a, b []uint64) (samples int) {
	n := min(len(dst), len(a), len(b))
	dst, a, b = dst[:n], a[:n], b[:n]
	for i := range dst {
		x, y := a[i]^signs, b[i]^signs
		e := x&even + y&even + 8*pair
		o := x>>16&even + y>>16&even + 8*pair
		dst[i] = join(e>>4, o>>4)
	}
	return 4 * n
}

func lerpMean(dst []int16, upper, lower Between) {
	n := len(dst)
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	w0, w1 := int32(upper.W), int32(lower.W)
	for i := lerpMeanWords(dst, upper, lower); i < n; i++ {
		v0 := int32(a0[i]) + mulhrs(int32(b0[i])-int32(a0[i]), w0)
		v1 := int32(a1[i]) + mulhrs(int32(b1[i])-int32(a1[i]), w1)
		dst[i] = int16((v0 + v1 + 8) >> 4)
	}
}

// lerpMeanWords drops the bits below 15 of each of two products before it adds them: at most 2*(65408<<15) + 8<<15 < 1<<32.
func lerpMeanWords(dst []int16, upper, lower Between) (samples int) {
	const (
		round = 1 << 14 * pair
		whole = (1<<32 - 1<<15) * pair
	)
	d, a0, b0, a1, b1 := words(dst), words(upper.A), words(upper.B), words(lower.A), words(lower.B)
	n := min(len(d), len(a0), len(b0), len(a1), len(b1))
	d, a0, b0, a1, b1 = d[:n], a0[:n], b0[:n], a1[:n], b1[:n]
	w0, w1 := uint64(upper.W), uint64(lower.W)
	for i := range d {
		x, y := a0[i]^signs, b0[i]^signs
		e := ((x&even)*(1<<15-w0) + (y&even)*w0 + round) & whole
		o := ((x>>16&even)*(1<<15-w0) + (y>>16&even)*w0 + round) & whole
		x, y = a1[i]^signs, b1[i]^signs
		e += ((x&even)*(1<<15-w1) + (y&even)*w1 + round) & whole
		o += ((x>>16&even)*(1<<15-w1) + (y>>16&even)*w1 + round) & whole
		d[i] = join((e+8<<15*pair)>>19, (o+8<<15*pair)>>19)
	}
	return 4 * n
}
