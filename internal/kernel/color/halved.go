package color

// halvedLines makes Y of the means of 2x2 pixels, 0..32640 exactly, and chroma of the means of 2x2 of these, rounded up
// down and then across.
func halvedLines(dst Lines, rows Rows, p Packed) {
	y0 := dst.Y[0]
	n := len(y0)
	y1 := dst.Y[1][:n]
	for i := range (n + 1) / 2 {
		x := 2 * i
		next := min(x+1, n-1)
		u0, u1 := halvedPixel(rows.Upper, rows.Stride, x, p), halvedPixel(rows.Upper, rows.Stride, next, p)
		l0, l1 := halvedPixel(rows.Lower, rows.Stride, x, p), halvedPixel(rows.Lower, rows.Stride, next, p)
		y0[x], y0[next] = u0.line(), u1.line()
		y1[x], y1[next] = l0.line(), l1.line()
		m := u0.mean(l0).mean(u1.mean(l1))
		dst.Cb[i], dst.Cr[i] = int16((toCb(m.r, m.g, m.b)+4)>>3), int16((toCr(m.r, m.g, m.b)+4)>>3)
	}
}

// halvedPlanarLines is halvedLines for R, G and B in rows of their own.
func halvedPlanarLines(dst Lines, rgb [3]Rows) {
	y0 := dst.Y[0]
	n := len(y0)
	y1 := dst.Y[1][:n]
	for i := range (n + 1) / 2 {
		x := 2 * i
		next := min(x+1, n-1)
		u0, u1 := halvedPlanes(&rgb, 0, x), halvedPlanes(&rgb, 0, next)
		l0, l1 := halvedPlanes(&rgb, 1, x), halvedPlanes(&rgb, 1, next)
		y0[x], y0[next] = u0.line(), u1.line()
		y1[x], y1[next] = l0.line(), l1.line()
		m := u0.mean(l0).mean(u1.mean(l1))
		dst.Cb[i], dst.Cr[i] = int16((toCb(m.r, m.g, m.b)+4)>>3), int16((toCr(m.r, m.g, m.b)+4)>>3)
	}
}

// halvedPlanes returns the mean of pixels 2*x and 2*x+1 of the two rows that a line is made of.
func halvedPlanes(rgb *[3]Rows, line, x int) sample {
	var s [3]int32
	for c := range s {
		rows := rgb[c].of(line)
		upper, lower := rows[2*x:][:2], rows[rgb[c].Stride+2*x:][:2]
		s[c] = (int32(upper[0]) + int32(upper[1]) + int32(lower[0]) + int32(lower[1])) << 5
	}
	return sample{s[0], s[1], s[2]}
}

// sample is R, G, B of 0..32640.
type sample struct{ r, g, b int32 }

// halvedPixel returns the mean of pixels 2*x and 2*x+1 of two rows.
func halvedPixel(rows []byte, stride, x int, p Packed) sample {
	upper := rows[2*x*p.Step:][:p.Step+3]
	lower := rows[stride+2*x*p.Step:][:p.Step+3]
	sum := func(c int) int32 {
		return (int32(upper[c]) + int32(upper[p.Step+c]) + int32(lower[c]) + int32(lower[p.Step+c])) << 5
	}
	if p.RedFirst {
		return sample{sum(0), sum(1), sum(2)}
	}
	return sample{sum(2), sum(1), sum(0)}
}

// line returns Y of a line of a band.
func (s sample) line() int16 { return int16((toY(s.r, s.g, s.b) + 4) >> 3) }

// mean returns the mean, with halves rounded up.
func (s sample) mean(t sample) sample {
	return sample{(s.r + t.r + 1) >> 1, (s.g + t.g + 1) >> 1, (s.b + t.b + 1) >> 1}
}
