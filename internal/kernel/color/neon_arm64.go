//go:build !purego

package color

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	v := &vectors{size: 16, ycc: rowsYCCNEON, yccHalf: rowsYCCHalfNEON, luma: rowsLumaNEON}
	b := &blocks{
		ycc:     [2]blocksKernel{packed3YCCNEON, packed4YCCNEON},
		yccHalf: [2]blocksKernel{packed3YCCHalfNEON, packed4YCCHalfNEON},
		luma:    [2]blocksKernel{packed3LumaNEON, packed4LumaNEON},
		lines:   [2]linesKernel{packed3LinesNEON, packed4LinesNEON},
		places:  newPlaces(weightsNEON),
	}
	h := &halver{block: 16, lines: [2]halverKernel{halved3LinesNEON, halved4LinesNEON}, places: newPlaces(weightsNEON)}
	p := &planar{level: impl.NEON, halvedBlock: 16}
	Implementations.Register(impl.NEON, Kernels{
		YCC: v.rowsYCC, YCCHalf: v.rowsYCCHalf, Luma: v.rowsLuma,
		PackedYCC: b.packedYCC, PackedYCCHalf: b.packedYCCHalf, PackedLuma: b.packedLuma,
		PackedLines: b.packedLines, HalvedLines: h.halvedLines,
		PlanarLines: p.planarLines, HalvedPlanarLines: p.halvedPlanarLines,
		Resize: resizeNEON, ResizePlanar: resizePlanarNothing,
		ExpandLuma: expandLumaVectors, ExpandChroma: expandChromaVectors,
		LumaTo601: lumaTo601Vectors, ChromaTo601: chromaTo601Vectors, RGB: rgbVectors,
	})
}

//go:noescape
func rowsYCCNEON(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsYCCHalfNEON(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func rowsLumaNEON(first, second, third, red, green, blue *int16, vectors int)

//go:noescape
func packed3YCCNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3YCCHalfNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LumaNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4YCCNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4YCCHalfNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed4LumaNEON(first, second, third *int16, src *byte, blocks int, places *byte)

//go:noescape
func packed3LinesNEON(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func packed4LinesNEON(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

//go:noescape
func halved3LinesNEON(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

//go:noescape
func halved4LinesNEON(y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte)

// weightsNEON returns the weights of a pixel's bytes, in the order of memory, in Y, Cb and Cr.
func weightsNEON(p Packed) []byte {
	var s []byte
	for _, rgb := range [3][3]int16{{yR, yG, yB}, {cbR, cbG, cbB}, {crR, crG, crB}} {
		for place := range 3 {
			// Which channel is at a place is which place a channel has: R and B change theirs, or stay.
			s = binary.LittleEndian.AppendUint16(s, uint16(rgb[p.channel(place)]))
		}
	}
	return s
}
