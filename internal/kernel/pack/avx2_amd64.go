//go:build !purego

package pack

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		a := &assembly{samples: 32, rgb24: rgb24Shuffled, rgba: rgbaAVX2, limited: limitedAVX2}
		Implementations.Register(impl.AVX2, a.kernels())
	}
}

//go:noescape
func rgb24AVX2(dst *byte, red, green, blue *int16, vectors int, shuffles *[9][16]byte)

//go:noescape
func rgbaAVX2(dst *byte, red, green, blue *int16, vectors int)

//go:noescape
func limitedAVX2(dst *byte, src *int16, vectors int, factor, offset uint64)

func rgb24Shuffled(dst *byte, red, green, blue *int16, vectors int) {
	rgb24AVX2(dst, red, green, blue, vectors, &shuffles)
}

// shuffles[3*i+c] picks, for bytes 16*i..16*i+15 of 16 pixels, those of color c out of 16 samples, and zeros for those
// of the other colors.
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
