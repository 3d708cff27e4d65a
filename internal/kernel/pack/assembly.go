//go:build !purego && (amd64 || arm64)

package pack

// assembly is the functions of one level in assembly, which write so many samples at a time, vectors > 0 times. Shorter
// lines are for plain Go; what is left of longer ones is made of the last samples, so that some are made twice.
type assembly struct {
	samples     int
	rgb24, rgba func(dst *byte, red, green, blue *int16, vectors int)

	// factor and offset are one word four times.
	limited func(dst *byte, src *int16, vectors int, factor, offset uint64)
}

func (a *assembly) kernels() Kernels {
	return Kernels{RGB24: a.packRGB24, RGBA: a.packRGBA, LimitedLuma: a.packLuma, LimitedChroma: a.packChroma}
}

func (a *assembly) packRGB24(dst []byte, r, g, b []int16) {
	n := len(dst) / 3
	r, g, b = r[:n], g[:n], b[:n]
	if n < a.samples {
		rgb24(dst, r, g, b)
		return
	}
	a.rgb24(&dst[0], &r[0], &g[0], &b[0], n/a.samples)
	if n%a.samples != 0 {
		from := n - a.samples
		a.rgb24(&dst[3*from], &r[from], &g[from], &b[from], 1)
	}
}

func (a *assembly) packRGBA(dst []byte, r, g, b []int16) {
	n := len(dst) / 4
	r, g, b = r[:n], g[:n], b[:n]
	if n < a.samples {
		rgba(dst, r, g, b)
		return
	}
	a.rgba(&dst[0], &r[0], &g[0], &b[0], n/a.samples)
	if n%a.samples != 0 {
		from := n - a.samples
		a.rgba(&dst[4*from], &r[from], &g[from], &b[from], 1)
	}
}

func (a *assembly) packLuma(dst []byte, y []int16) {
	y = y[:len(dst)]
	if len(y) < a.samples {
		limitedLuma(dst, y)
		return
	}
	a.packLimited(dst, y, lumaFactor, lumaOffset)
}

func (a *assembly) packChroma(dst []byte, c []int16) {
	c = c[:len(dst)]
	if len(c) < a.samples {
		limitedChroma(dst, c)
		return
	}
	a.packLimited(dst, c, chromaFactor, chromaOffset)
}

// packLimited makes len(dst) >= a.samples bytes of as many samples.
func (a *assembly) packLimited(dst []byte, src []int16, factor, offset uint64) {
	const everyWord = 0x0001_0001_0001_0001
	factor, offset = factor*everyWord, offset*everyWord
	a.limited(&dst[0], &src[0], len(dst)/a.samples, factor, offset)
	if len(dst)%a.samples != 0 {
		from := len(dst) - a.samples
		a.limited(&dst[from], &src[from], 1, factor, offset)
	}
}
