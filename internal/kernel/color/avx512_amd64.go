//go:build !purego

package color

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		k := kernelsAVX2() // for what gains nothing from AVX-512
		v := &vectors{size: 32, ycc: rowsYCCAVX512, yccHalf: rowsYCCHalfAVX512, luma: rowsLumaAVX512}
		k.YCC, k.YCCHalf, k.Luma = v.rowsYCC, v.rowsYCCHalf, v.rowsLuma
		k.Resize, k.ResizePlanar = resizeAVX512, resizePlanarAVX512
		b := &blocks{
			ycc:     [2]blocksKernel{packed3YCCAVX512, packed4YCCAVX512},
			yccHalf: [2]blocksKernel{packed3YCCHalfAVX512, packed4YCCHalfAVX512},
			luma:    [2]blocksKernel{packed3LumaAVX512, packed4LumaAVX512},
			lines:   [2]linesKernel{packed3LinesAVX512, packed4LinesAVX512},
			places:  newPlaces(placesAVX512),

			wideLines:  packed3WideLinesAVX512,
			widePlaces: [2]*byte{&widePlacesAVX512(Packed{Step: 3})[0], &widePlacesAVX512(Packed{Step: 3, RedFirst: true})[0]},
		}
		h := &halver{block: 32, lines: [2]halverKernel{halved3LinesAVX512, halved4LinesAVX512}, places: newPlaces(halvedPlacesAVX512)}
		k.PackedYCC, k.PackedYCCHalf, k.PackedLuma, k.PackedLines = b.packedYCC, b.packedYCCHalf, b.packedLuma, b.packedLines
		k.HalvedLines = h.halvedLines
		p := &planar{level: impl.AVX512, halvedBlock: 32}
		k.PlanarLines, k.HalvedPlanarLines = p.planarLines, p.halvedPlanarLines
		Implementations.Register(impl.AVX512, k)
	}
}

//go:noescape
func rowsYCCAVX512(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsYCCHalfAVX512(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsLumaAVX512(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func packed3YCCAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3YCCHalfAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LumaAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LinesAVX512(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func packed3WideLinesAVX512(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func packed4YCCAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4YCCHalfAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4LumaAVX512(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4LinesAVX512(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func halved3LinesAVX512(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

//go:noescape
func halved4LinesAVX512(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

// placesAVX512 returns, for R, G and B, where the bytes of a block's pixels are, each behind a byte that does not matter:
// 0..63 in its first 64 bytes, 64..127 in its last 64.
func placesAVX512(p Packed) []byte {
	places := make([]byte, 0, 3*64)
	for c := range 3 {
		for i := range block {
			at := i*p.Step + p.channel(c)
			if at >= 64 {
				at += 128 - block*p.Step // counted from where the last 64 bytes begin
			}
			places = append(places, 0, byte(at))
		}
	}
	return places
}

// widePlacesAVX512 returns, for R, G and B, where the bytes of 64 pixels are, counted in each 64 of the 192 that they have in
// memory, in the order in which the kernel wants them; and then for each of R, G and B two masks of 64 bits: which of these
// 64 places are in the second 64 bytes, and which in the third.
func widePlacesAVX512(p Packed) []byte {
	places := make([]byte, 3*64+3*2*8)
	for c := range 3 {
		for i := range 64 {
			pixel := i/16*8 + i%8 + i%16/8*32
			at := pixel*p.Step + p.channel(c)
			places[c*64+i] = byte(at % 64)
			if part := at / 64; part > 0 {
				places[3*64+c*16+(part-1)*8+at%64/8] |= 1 << (at % 8)
			}
		}
	}
	return places
}

// halvedPlacesAVX512 returns, for R and G, and then for B and nothing, where the bytes of 32 pixels are among 128, and then
// the same for the next 32: of 3 bytes, their 128 begin 64 bytes behind the first.
func halvedPlacesAVX512(p Packed) []byte {
	places := make([]byte, 4*64)
	for c := range 3 {
		for i := range 64 {
			at := i*p.Step + p.channel(c)
			if i >= block {
				at -= 64 * (p.Step - 2)
			}
			places[i/block*128+c*block+i%block] = byte(at)
		}
	}
	return places
}
