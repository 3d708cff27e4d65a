//go:build !purego

package color

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, kernelsAVX2())
	}
}

func kernelsAVX2() Kernels {
	v := &vectors{size: 16, ycc: rowsYCCAVX2, yccHalf: rowsYCCHalfAVX2, luma: rowsLumaAVX2}
	b := &blocks{
		ycc:     [2]blocksKernel{packed3YCCAVX2, packed4YCCAVX2},
		yccHalf: [2]blocksKernel{packed3YCCHalfAVX2, packed4YCCHalfAVX2},
		luma:    [2]blocksKernel{packed3LumaAVX2, packed4LumaAVX2},
		lines:   [2]linesKernel{packed3LinesAVX2, packed4LinesAVX2},
		places:  newPlaces(placesAVX2),
	}
	h := &halver{block: 16, lines: [2]halverKernel{halved3LinesAVX2, halved4LinesAVX2}, places: newPlaces(placesAVX2)}
	p := &planar{level: impl.AVX2, halvedBlock: 16}
	return Kernels{
		YCC: v.rowsYCC, YCCHalf: v.rowsYCCHalf, Luma: v.rowsLuma,
		PackedYCC: b.packedYCC, PackedYCCHalf: b.packedYCCHalf, PackedLuma: b.packedLuma,
		PackedLines: b.packedLines, HalvedLines: h.halvedLines,
		PlanarLines: p.planarLines, HalvedPlanarLines: p.halvedPlanarLines,
		Resize: resizeAVX2, ResizePlanar: resizePlanarAVX2,
		ExpandLuma: expandLumaVectors, ExpandChroma: expandChromaVectors,
		LumaTo601: lumaTo601Vectors, ChromaTo601: chromaTo601Vectors, RGB: rgbVectors,
	}
}

//go:noescape
func rowsYCCAVX2(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsYCCHalfAVX2(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsLumaAVX2(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func packed3YCCAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3YCCHalfAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LumaAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LinesAVX2(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func packed4YCCAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4YCCHalfAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4LumaAVX2(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4LinesAVX2(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func halved3LinesAVX2(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

//go:noescape
func halved4LinesAVX2(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

// placesAVX2 returns two shuffles of 32 bytes. Each half takes 16 bytes with four pixels to four bytes each of R, G and B,
// and zeros; the pixels are at the beginning of the bytes, and, for the last half, at their end.
func placesAVX2(p Packed) []byte {
	s := make([]byte, 0, 64)
	for half := range 4 {
		at := 0
		if half == 3 {
			at = 16 - 4*p.Step
		}
		for c := range 3 {
			for i := range 4 {
				s = append(s, byte(at+i*p.Step+p.channel(c)))
			}
		}
		s = append(s, 0x80, 0x80, 0x80, 0x80)
	}
	return s
}
