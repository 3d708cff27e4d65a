package oracle

// Matrix is how luma is made of R, G, B: Kr*R + (1-Kr-Kb)*G + Kb*B.
type Matrix struct{ Kr, Kb float64 }

// BT601 returns the matrix of Recommendation ITU-R BT.601-7, 2.5.1.
func BT601() Matrix { return Matrix{Kr: 0.299, Kb: 0.114} }

// BT709 returns the matrix of Recommendation ITU-R BT.709-6, 3.2.
func BT709() Matrix { return Matrix{Kr: 0.2126, Kb: 0.0722} }

// YCC returns luma and chroma of full range, both with 0 as black and gray: y in 0..255, cb and cr in -127.5..127.5.
func (m Matrix) YCC(r, g, b float64) (y, cb, cr float64) {
	y = m.Kr*r + (1-m.Kr-m.Kb)*g + m.Kb*b
	return y, (b - y) / (2 * (1 - m.Kb)), (r - y) / (2 * (1 - m.Kr))
}

// RGB is the inverse of YCC, not clamped.
func (m Matrix) RGB(y, cb, cr float64) (r, g, b float64) {
	r = y + 2*(1-m.Kr)*cr
	b = y + 2*(1-m.Kb)*cb
	return r, (y - m.Kr*r - m.Kb*b) / (1 - m.Kr - m.Kb), b
}

// FullLuma returns limited luma (16..235) as full luma, clamped to 0..255.
func FullLuma(y float64) float64 { return min(max((y-16)*255/219, 0), 255) }

// FullChroma returns limited chroma (0 for gray, -112..112) as full chroma, clamped to -127.5..127.5.
func FullChroma(c float64) float64 { return min(max(c*255/224, -127.5), 127.5) }
