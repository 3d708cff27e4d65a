package fft

import "math"

// The plain forms, which define the results. A product that goes into a sum is converted to float32: that keeps the compiler
// from fusing the two on processors that can (Go specification, Floating-point operators). They work on groups of lanes.

// group is how many lanes a plain form works on at a time.
const group = 8

type vec = [group]float32

// at returns the group of lanes that begins at an index.
func at(work []float32, index int) *vec { return (*vec)(work[index:]) }

// frames is Plan.Frames from sample first, an even one, on.
func frames(work, src []float32, hop int, window, shift []float32, order []int32, first int) {
	lanes := len(shift)
	for i := first; i < len(window); i += 2 {
		place := int(order[i/2]) / 4
		for l, s := range shift {
			work[place+l] = (src[l*hop+i] - s) * window[i]
			work[place+lanes+l] = (src[l*hop+i+1] - s) * window[i+1]
		}
	}
}

func oddFrames(work, src []float32, hop int, window, shift []float32, order []int32) {
	lanes := len(shift)
	for i, w := range window {
		place := int(order[i]) / 4
		for l, s := range shift {
			work[place+l] = (src[l*hop+i] - s) * w
			work[place+lanes+l] = 0
		}
	}
}

// plain does a pass.
func plain(work []float32, p *pass, blocks, lanes int) {
	step := 2 * lanes * p.length // from one number of a butterfly to the next
	none := [8]float32{1, 0, 1, 0, 1, 0, 1, 0}
	for b := range blocks {
		for j := range p.length {
			t := none[:]
			if p.length > 1 {
				t = p.twiddles[2*(p.radix-1)*j:]
			}
			for l := 0; l < lanes; l += group {
				w := work[2*lanes*(b*p.radix*p.length+j)+l:]
				switch p.radix {
				case 2:
					radix2(w, step, lanes, (*[2]float32)(t), p.length > 1)
				case 3:
					radix3(w, step, lanes, (*[4]float32)(t), p.length > 1)
				case 4:
					radix4(w, step, lanes, (*[6]float32)(t), p.length > 1)
				case 5:
					radix5(w, step, lanes, (*[8]float32)(t), p.length > 1)
				}
			}
		}
	}
}

// turned returns the number of a lane times a twiddle.
func turned(re, im *vec, l int, cos, sin float32, turn bool) (float32, float32) {
	if !turn {
		return re[l], im[l]
	}
	return float32(re[l]*cos) - float32(im[l]*sin), float32(re[l]*sin) + float32(im[l]*cos)
}

func radix2(w []float32, step, lanes int, t *[2]float32, turn bool) {
	re0, im0, re1, im1 := at(w, 0), at(w, lanes), at(w, step), at(w, step+lanes)
	for l := range group {
		ar, ai := re0[l], im0[l]
		br, bi := turned(re1, im1, l, t[0], t[1], turn)
		re0[l], im0[l] = ar+br, ai+bi
		re1[l], im1[l] = ar-br, ai-bi
	}
}

// sin3 is the sine of 60 degrees.
const sin3 = 0.86602540378443864676

func radix3(w []float32, step, lanes int, t *[4]float32, turn bool) {
	re0, im0, re1, im1 := at(w, 0), at(w, lanes), at(w, step), at(w, step+lanes)
	re2, im2 := at(w, 2*step), at(w, 2*step+lanes)
	for l := range group {
		ar, ai := re0[l], im0[l]
		br, bi := turned(re1, im1, l, t[0], t[1], turn)
		cr, ci := turned(re2, im2, l, t[2], t[3], turn)
		sr, si := br+cr, bi+ci
		vr, vi := float32((br-cr)*sin3), float32((bi-ci)*sin3)
		re0[l], im0[l] = ar+sr, ai+si
		ur, ui := ar-float32(sr*0.5), ai-float32(si*0.5)
		re1[l], im1[l] = ur+vi, ui-vr
		re2[l], im2[l] = ur-vi, ui+vr
	}
}

func radix4(w []float32, step, lanes int, t *[6]float32, turn bool) {
	re0, im0, re1, im1 := at(w, 0), at(w, lanes), at(w, step), at(w, step+lanes)
	re2, im2, re3, im3 := at(w, 2*step), at(w, 2*step+lanes), at(w, 3*step), at(w, 3*step+lanes)
	for l := range group {
		ar, ai := re0[l], im0[l]
		br, bi := turned(re1, im1, l, t[0], t[1], turn)
		cr, ci := turned(re2, im2, l, t[2], t[3], turn)
		dr, di := turned(re3, im3, l, t[4], t[5], turn)
		er, ei, fr, fi := ar+cr, ai+ci, ar-cr, ai-ci
		gr, gi, hr, hi := br+dr, bi+di, br-dr, bi-di
		re0[l], im0[l] = er+gr, ei+gi
		re1[l], im1[l] = fr+hi, fi-hr
		re2[l], im2[l] = er-gr, ei-gi
		re3[l], im3[l] = fr-hi, fi+hr
	}
}

// Of 72 degrees: the cosines of it and of its double are (±sqrt 5 - 1)/4.
const (
	root5  = 0.55901699437494742410 // sqrt 5 / 4
	sin5   = 0.95105651629515357212
	sin5x2 = 0.58778525229247312917 // of 144 degrees
)

func radix5(w []float32, step, lanes int, t *[8]float32, turn bool) {
	re0, im0, re1, im1 := at(w, 0), at(w, lanes), at(w, step), at(w, step+lanes)
	re2, im2, re3, im3 := at(w, 2*step), at(w, 2*step+lanes), at(w, 3*step), at(w, 3*step+lanes)
	re4, im4 := at(w, 4*step), at(w, 4*step+lanes)
	for l := range group {
		ar, ai := re0[l], im0[l]
		br, bi := turned(re1, im1, l, t[0], t[1], turn)
		cr, ci := turned(re2, im2, l, t[2], t[3], turn)
		dr, di := turned(re3, im3, l, t[4], t[5], turn)
		er, ei := turned(re4, im4, l, t[6], t[7], turn)
		pr, pi, qr, qi := br+er, bi+ei, br-er, bi-ei
		rr, ri, sr, si := cr+dr, ci+di, cr-dr, ci-di
		tr, ti := pr+rr, pi+ri
		vr, vi := float32((pr-rr)*root5), float32((pi-ri)*root5)
		re0[l], im0[l] = ar+tr, ai+ti
		ur, ui := ar-float32(tr*0.25), ai-float32(ti*0.25)
		fr, fi := ur+vr, ui+vi
		gr, gi := ur-vr, ui-vi
		hr, hi := float32(qr*sin5)+float32(sr*sin5x2), float32(qi*sin5)+float32(si*sin5x2)
		kr, ki := float32(qr*sin5x2)-float32(sr*sin5), float32(qi*sin5x2)-float32(si*sin5)
		re1[l], im1[l] = fr+hi, fi-hr
		re2[l], im2[l] = gr+ki, gi-kr
		re3[l], im3[l] = gr-ki, gi+kr
		re4[l], im4[l] = fr-hi, fi+hr
	}
}

// spectrum is Plan.Power, or with root Plan.Magnitude, for even lengths. With Z the transform and W = exp(-2 pi i k/n), the
// double of X[k] is Z[k] + conj(Z[size-k]) - i W (Z[k] - conj(Z[size-k])).
func spectrum(dst, work, halving []float32, size, lanes int, root bool) {
	for k := range size/2 + 1 {
		cos, sin := halving[2*k], halving[2*k+1]
		for l := 0; l < lanes; l += group {
			i, j := 2*lanes*k+l, 2*lanes*(size-k)+l
			re, im, reOther, imOther := at(work, i), at(work, i+lanes), at(work, j), at(work, j+lanes)
			low, high := at(dst, lanes*k+l), at(dst, lanes*(size-k)+l)
			for l := range group {
				evenRe, evenIm := re[l]+reOther[l], im[l]-imOther[l]
				oddRe, oddIm := im[l]+imOther[l], reOther[l]-re[l]
				pr := float32(oddRe*cos) + float32(oddIm*sin)
				pi := float32(oddIm*cos) - float32(oddRe*sin)
				ar, ai, br, bi := evenRe+pr, evenIm+pi, evenRe-pr, evenIm-pi
				a, b := float32(ar*ar)+float32(ai*ai), float32(br*br)+float32(bi*bi)
				if root {
					a, b = float32(math.Sqrt(float64(a))), float32(math.Sqrt(float64(b)))
				}
				high[l], low[l] = b, a
			}
		}
	}
}

func oddSpectrum(dst, work []float32, lanes int, root bool) {
	for k := range len(dst) / lanes {
		for l := range lanes {
			re, im := work[2*lanes*k+l], work[2*lanes*k+lanes+l]
			power := float32(re*re) + float32(im*im)
			if root {
				power = float32(math.Sqrt(float64(power)))
			}
			dst[lanes*k+l] = power
		}
	}
}
