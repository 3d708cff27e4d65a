package color

// of returns the row that the upper line, 0, or the lower, 1, is made of.
func (r *Rows) of(line int) []byte {
	if line == 0 {
		return r.Upper
	}
	return r.Lower
}

func planarLines(dst Lines, rgb [3]Rows) {
	n := len(dst.Y[0])
	cb := dst.Cb[:(n+1)/2]
	cr := dst.Cr[:len(cb)]
	for line, y := range dst.Y {
		y, r, g, b := y[:n], rgb[0].of(line)[:n], rgb[1].of(line)[:n], rgb[2].of(line)[:n]
		for i := range cb {
			x := 2 * i
			next := min(x+1, n-1)
			p, q := [3]byte{r[x], g[x], b[x]}, [3]byte{r[next], g[next], b[next]}
			y[x], y[next] = (rgbTables.y(p[:])+4)>>3, (rgbTables.y(q[:])+4)>>3
			cb1, cr1 := rgbTables.c(p[:], q[:])
			if line == 0 {
				cb[i], cr[i] = cb1, cr1
				continue
			}
			cb[i], cr[i] = int16((int32(cb[i])+int32(cb1)+8)>>4), int16((int32(cr[i])+int32(cr1)+8)>>4)
		}
	}
}
