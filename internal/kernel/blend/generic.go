package blend

// mulhrs is a*b/32768, rounded: SSSE3's PMULHRSW, NEON's SQRDMULH.
func mulhrs(a, b int32) int32 { return (a*b + 1<<14) >> 15 }

func line(dst, a []int16) {
	dst = dst[:len(a)]
	for i, v := range a {
		dst[i] = int16((int32(v) + 4) >> 3)
	}
}

func lerp(dst, a, b []int16, w int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i := range a {
		v := int32(a[i]) + mulhrs(int32(b[i])-int32(a[i]), int32(w))
		dst[i] = int16((v + 4) >> 3)
	}
}

func mean(dst, a, b []int16) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i := range a {
		dst[i] = int16((int32(a[i]) + int32(b[i]) + 8) >> 4)
	}
}

func lerpMean(dst []int16, upper, lower Between) {
	n := len(dst)
	a0, b0, a1, b1 := upper.A[:n], upper.B[:n], lower.A[:n], lower.B[:n]
	w0, w1 := int32(upper.W), int32(lower.W)
	for i := range dst {
		v0 := int32(a0[i]) + mulhrs(int32(b0[i])-int32(a0[i]), w0)
		v1 := int32(a1[i]) + mulhrs(int32(b1[i])-int32(a1[i]), w1)
		dst[i] = int16((v0 + v1 + 8) >> 4)
	}
}

// accumulate: |row| <= 32640 and the weights of one sum add up to 1<<14, so that |sum| <= 32640<<14 < 1<<30.
func accumulate(sums []int32, row []int16, weight int16) {
	sums = sums[:len(row)]
	for i, v := range row {
		sums[i] += int32(v) * int32(weight)
	}
}

func resolve(dst []int16, sums []int32) {
	dst = dst[:len(sums)]
	for i, v := range sums {
		dst[i] = int16((v + 1<<13) >> 14)
		sums[i] = 0
	}
}
