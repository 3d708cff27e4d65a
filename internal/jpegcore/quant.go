package jpegcore

import "github.com/steadyframe/steadyframe/internal/kernel/huff"

// baseQuant is the example quantization tables of ITU-T T.81, tables K.1 and K.2, in row order: those of quality 50.
var baseQuant = [2][64]uint8{
	huff.Luma: {
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	},
	huff.Chroma: {
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	},
}

// quantTable returns the table of class c at quality 1..100, in row order, as libjpeg has it: jpeg_quality_scaling
// and jpeg_add_quant_table with force_baseline.
func quantTable(c huff.Class, quality int) (q [64]uint8) {
	percent := 200 - 2*quality
	if quality < 50 {
		percent = 5000 / quality
	}
	for i, base := range baseQuant[c] {
		q[i] = uint8(min(max((int(base)*percent+50)/100, 1), 255))
	}
	return q
}
