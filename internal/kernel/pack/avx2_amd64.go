//go:build !purego

package pack

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{
			RGB24: rgb24Vectors, RGBA: rgbaVectors, LimitedLuma: limitedLumaVectors, LimitedChroma: limitedChromaVectors,
		})
	}
}

// vector is how many samples the assembly takes at a time. Shorter lines are for plain Go; what is left of longer ones
// is made of the last vector samples, so that some are made twice.
const vector = 32

//go:noescape
func rgb24AVX2(dst *byte, red, green, blue *int16, vectors int, shuffles *[9][16]byte)

//go:noescape
func rgbaAVX2(dst *byte, red, green, blue *int16, vectors int)

//go:noescape
func limitedAVX2(dst *byte, src *int16, vectors int, factor, offset uint64)

func rgb24Vectors(dst []byte, r, g, b []int16) {
	n := len(dst) / 3
	r, g, b = r[:n], g[:n], b[:n]
	if n < vector {
		rgb24(dst, r, g, b)
		return
	}
	rgb24AVX2(&dst[0], &r[0], &g[0], &b[0], n/vector, &shuffles)
	if n%vector != 0 {
		from := n - vector
		rgb24AVX2(&dst[3*from], &r[from], &g[from], &b[from], 1, &shuffles)
	}
}

// shuffles[3*i+c] picks, for bytes 16*i..16*i+15 of 16 pixels, those of colour c out of 16 samples, and zeros for those
// of the other colours.
var shuffles = func() (s [9][16]byte) {
	for at := range 48 {
		for c := range 3 {
			pick := byte(0x80) // a zero
			if at%3 == c {
				pick = byte(at / 3)
			}
			s[at/16*3+c][at%16] = pick
		}
	}
	return s
}()

func rgbaVectors(dst []byte, r, g, b []int16) {
	n := len(dst) / 4
	r, g, b = r[:n], g[:n], b[:n]
	if n < vector {
		rgba(dst, r, g, b)
		return
	}
	rgbaAVX2(&dst[0], &r[0], &g[0], &b[0], n/vector)
	if n%vector != 0 {
		from := n - vector
		rgbaAVX2(&dst[4*from], &r[from], &g[from], &b[from], 1)
	}
}

func limitedLumaVectors(dst []byte, y []int16) {
	y = y[:len(dst)]
	if len(y) < vector {
		limitedLuma(dst, y)
		return
	}
	limitedVectors(dst, y, lumaFactor, lumaOffset)
}

func limitedChromaVectors(dst []byte, c []int16) {
	c = c[:len(dst)]
	if len(c) < vector {
		limitedChroma(dst, c)
		return
	}
	limitedVectors(dst, c, chromaFactor, chromaOffset)
}

// limitedVectors makes len(dst) >= vector bytes of as many samples.
func limitedVectors(dst []byte, src []int16, factor, offset uint64) {
	const everyWord = 0x0001_0001_0001_0001
	factor, offset = factor*everyWord, offset*everyWord
	limitedAVX2(&dst[0], &src[0], len(dst)/vector, factor, offset)
	if len(dst)%vector != 0 {
		from := len(dst) - vector
		limitedAVX2(&dst[from], &src[from], 1, factor, offset)
	}
}
