package color

// What takes Y, Cb, Cr of BT.709 to those of BT.601, in 32768ths: the product of the matrix of BT.601 (Kr 0.299, Kb 0.114) and the inverse
// of that of BT.709 (Kr 0.2126, Kb 0.0722).
const (
	y601Cb, y601Cr   = 3329, 6425
	cb601Cb, cb601Cr = 32436, -3626
	cr601Cb, cr601Cr = -2374, 32224
)

func lumaTo601(y, cb, cr []int16, shift uint) {
	if shift == 0 {
		for x := range y {
			y[x] = addLuma(y[x], cb[x], cr[x])
		}
		return
	}
	for i := range len(y) / 2 {
		p := y[2*i : 2*i+2]
		p[0], p[1] = addLuma(p[0], cb[i], cr[i]), addLuma(p[1], cb[i], cr[i])
	}
	if n := len(y); n%2 != 0 {
		y[n-1] = addLuma(y[n-1], cb[n/2], cr[n/2])
	}
}

// addLuma returns Y of BT.601. What is added to y is within 208+402.
func addLuma(y, cb, cr int16) int16 {
	return int16(min(max(int32(y)+mulhrs(int32(cb), y601Cb)+mulhrs(int32(cr), y601Cr), -2048), 2032))
}

func chromaTo601(cb, cr []int16) {
	cr = cr[:len(cb)]
	for x := range cb {
		b, r := int32(cb[x]), int32(cr[x])
		cb[x] = int16(min(max(mulhrs(b, cb601Cb)+mulhrs(r, cb601Cr), -2040), 2040)) // before the clamp within 2027+227
		cr[x] = int16(min(max(mulhrs(b, cr601Cb)+mulhrs(r, cr601Cr), -2040), 2040)) // before the clamp within 148+2014
	}
}

// inverse is the part of a matrix that leads back to R, G, B, in 32768ths:
//
//	R = Y + Cr + rCr*Cr;  G = Y + gCb*Cb + gCr*Cr;  B = Y + Cb + bCb*Cb
type inverse struct{ rCr, gCb, gCr, bCb int32 }

func (m Matrix) inverse() inverse {
	if m == BT709 {
		return inverse{rCr: 18835, gCb: -6138, gCr: -15339, bCb: 28036} // 1.5748, 0.187324, 0.468124, 1.8556
	}
	return inverse{rCr: 13173, gCb: -11277, gCr: -23401, bCb: 25297} // 1.402, 0.344136, 0.714136, 1.772
}

func rgb(ycc [3][]int16, m Matrix) {
	c := m.inverse()
	n := len(ycc[0])
	p0, p1, p2 := ycc[0], ycc[1][:n], ycc[2][:n]
	for x := range p0 {
		y, cb, cr := int32(p0[x])+128<<4, int32(p1[x]), int32(p2[x])
		p0[x] = clampRGB(y + cr + mulhrs(cr, c.rCr)) // before the clamps within 4080+2*2048
		p1[x] = clampRGB(y + mulhrs(cb, c.gCb) + mulhrs(cr, c.gCr))
		p2[x] = clampRGB(y + cb + mulhrs(cb, c.bCb))
	}
}

func clampRGB(v int32) int16 { return int16(min(max(v, 0), 255<<4)) }
