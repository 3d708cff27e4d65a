package color

// The tables are made of the same arithmetic as the rows, and never written again.
var (
	bgrTables = newByteTables(2, 1, 0)
	rgbTables = newByteTables(0, 1, 2)
)

// byteTables is what the bytes of a pixel, by their place in it, add to Y, Cb and Cr. They serve pixels that need no interpolation.
type byteTables struct {
	luma [3][256]int16
	// chroma is by the sum of two neighbors: Cb in the lower half, Cr in the upper. What is added to either, so that no entry and no sum
	// leaves its half, comes to 1<<15 for the three bytes together.
	chroma [3][511]uint32
}

// newByteTables returns the tables for pixels whose three bytes are the given channels: 0 for R, 1 for G, 2 for B.
func newByteTables(channels ...int) *byteTables {
	t := new(byteTables)
	offset := [3]int32{1 << 13, 1 << 14, 1 << 13} // of chroma: R takes away up to 5507, G up to 13666, B up to 2654
	for i, c := range channels {
		var rgb [3]int32
		for v := range t.luma[i] {
			rgb[c] = int32(v) << 7
			t.luma[i][v] = int16(toY(rgb[0], rgb[1], rgb[2]) + 128<<7)
		}
		for sum := range t.chroma[i] {
			rgb[c] = int32(sum) << 6 // the mean of two bytes with 7 fractional bits: exact
			cb, cr := toCb(rgb[0], rgb[1], rgb[2])+offset[c], toCr(rgb[0], rgb[1], rgb[2])+offset[c]
			t.chroma[i][sum] = uint32(cb) | uint32(cr)<<16
		}
	}
	return t
}

func (p Packed) tables() *byteTables {
	if p.RedFirst {
		return rgbTables
	}
	return bgrTables
}

// y returns Y of pixel p, of three bytes.
func (t *byteTables) y(p []byte) int16 {
	return t.luma[0][p[0]] + t.luma[1][p[1]] + t.luma[2][p[2]] - 128<<7
}

// c returns Cb and Cr of the mean of pixels p and q.
func (t *byteTables) c(p, q []byte) (cb, cr int16) {
	c := t.chroma[0][uint(p[0])+uint(q[0])] + t.chroma[1][uint(p[1])+uint(q[1])] + t.chroma[2][uint(p[2])+uint(q[2])]
	return int16(c ^ 1<<15), int16((c ^ 1<<31) >> 16)
}

func packedLuma(y []int16, src []byte, p Packed) {
	t := p.tables()
	at := 0
	for x := range y {
		y[x] = t.y(src[at : at+3])
		at += p.Step
	}
}

func packedYCC(dst [3][]int16, src []byte, p Packed) {
	t := p.tables()
	y := dst[0]
	cb, cr := dst[1][:len(y)], dst[2][:len(y)]
	at := 0
	for x := range y {
		s := src[at : at+3]
		y[x] = t.y(s)
		cb[x], cr[x] = t.c(s, s)
		at += p.Step
	}
}

func packedYCCHalf(dst [3][]int16, src []byte, p Packed) {
	t := p.tables()
	y := dst[0]
	cb := dst[1][:(len(y)+1)/2]
	cr := dst[2][:len(cb)]
	at := 0
	for i := range len(y) / 2 {
		s, next := src[at:at+3], src[at+p.Step:at+p.Step+3]
		d := y[2*i : 2*i+2]
		d[0], d[1] = t.y(s), t.y(next)
		cb[i], cr[i] = t.c(s, next)
		at += 2 * p.Step
	}
	if n := len(y); n%2 != 0 {
		s := src[at : at+3]
		y[n-1] = t.y(s)
		cb[n/2], cr[n/2] = t.c(s, s)
	}
}

func packedLines(dst *Pairs, src *Pixels, p Packed) {
	for i := range dst.Count {
		y0, y1, cb, cr := dst.pair(i)
		upper, lower := src.pair(i, dst.Width*p.Step)
		packedPair(y0, y1, cb, cr, upper, lower, p)
	}
}

// packedPair is packedLines for two lines.
func packedPair(y0, y1, cb, cr []int16, upper, lower []byte, p Packed) {
	t := p.tables()
	y1 = y1[:len(y0)]
	for i := range (len(y0) + 1) / 2 {
		x := 2 * i
		next := min(x+1, len(y0)-1)
		u, v := upper[x*p.Step:][:3], upper[next*p.Step:][:3]
		y0[x], y0[next] = (t.y(u)+4)>>3, (t.y(v)+4)>>3
		cb0, cr0 := t.c(u, v)
		u, v = lower[x*p.Step:][:3], lower[next*p.Step:][:3]
		y1[x], y1[next] = (t.y(u)+4)>>3, (t.y(v)+4)>>3
		cb1, cr1 := t.c(u, v)
		cb[i], cr[i] = int16((int32(cb0)+int32(cb1)+8)>>4), int16((int32(cr0)+int32(cr1)+8)>>4)
	}
}
