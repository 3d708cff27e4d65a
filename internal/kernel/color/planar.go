package color

// of returns the row that the upper line, 0, or the lower, 1, is made of.
func (r *Rows) of(line int) []byte {
	if line == 0 {
		return r.Upper
	}
	return r.Lower
}

func planarLines(dst Lines, rgb *[3]Rows) {
	n := len(dst.Y[0])
	var chroma [2][2]int16 // of the pairs of a line: Cb, Cr
	for i := range (n + 1) / 2 {
		x := 2 * i
		next := min(x+1, n-1)
		for line := range 2 {
			r, g, b := rgb[0].of(line), rgb[1].of(line), rgb[2].of(line)
			p, q := [3]byte{r[x], g[x], b[x]}, [3]byte{r[next], g[next], b[next]}
			y := dst.Y[line]
			y[x], y[next] = (rgbTables.y(p[:])+4)>>3, (rgbTables.y(q[:])+4)>>3
			chroma[line][0], chroma[line][1] = rgbTables.c(p[:], q[:])
		}
		dst.Cb[i] = int16((int32(chroma[0][0]) + int32(chroma[1][0]) + 8) >> 4)
		dst.Cr[i] = int16((int32(chroma[0][1]) + int32(chroma[1][1]) + 8) >> 4)
	}
}
