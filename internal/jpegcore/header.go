package jpegcore

import (
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// The markers that are written (ITU-T T.81, table B.1).
const (
	markerSOF0 = 0xC0
	markerDHT  = 0xC4
	markerRST0 = 0xD0
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDQT  = 0xDB
	markerDRI  = 0xDD
	markerAPP0 = 0xE0
)

// AppendHeader appends all that comes before the entropy-coded bytes, from SOI to SOS, to dst.
func (c *Coder) AppendHeader(dst []byte) []byte {
	dst = append(dst, 0xFF, markerSOI)
	dst = appendAPP0(dst)
	dst = c.appendDQT(dst)
	dst = c.appendSOF0(dst)
	dst = c.appendDHT(dst)
	if c.config.RestartInterval != 0 {
		dst = appendSegment(dst, markerDRI, 2)
		dst = append(dst, byte(c.interval>>8), byte(c.interval))
	}
	return c.appendSOS(dst)
}

// AppendTrailer appends EOI to dst.
func (c *Coder) AppendTrailer(dst []byte) []byte { return append(dst, 0xFF, markerEOI) }

// appendSegment appends a marker and the length of its n bytes of parameters, which the caller appends next.
func appendSegment(dst []byte, marker byte, n int) []byte {
	n += 2
	return append(dst, 0xFF, marker, byte(n>>8), byte(n))
}

// appendAPP0 says JFIF 1.01, square pixels of no known size, no thumbnail (ITU-T T.871, 10.1).
func appendAPP0(dst []byte) []byte {
	dst = appendSegment(dst, markerAPP0, 14)
	dst = append(dst, "JFIF\x00"...)
	return append(dst, 1, 1, 0, 0, 1, 0, 1, 0, 0)
}

// appendDQT writes the quantization tables, 8 bits an entry, in zig-zag order (T.81, B.2.4.1).
func (c *Coder) appendDQT(dst []byte) []byte {
	dst = appendSegment(dst, markerDQT, 65*c.classes())
	for class := range c.classes() {
		dst = append(dst, byte(class))
		for _, at := range dct.Zigzag {
			dst = append(dst, c.quant[class][at])
		}
	}
	return dst
}

// appendSOF0 says what the components are: 1 to 3, the first at full resolution (T.81, B.2.2).
func (c *Coder) appendSOF0(dst []byte) []byte {
	n := c.components()
	x, y := c.config.ChromaX, c.config.ChromaY
	dst = appendSegment(dst, markerSOF0, 6+3*n)
	dst = append(dst, 8, byte(c.config.Height>>8), byte(c.config.Height), byte(c.config.Width>>8), byte(c.config.Width), byte(n))
	dst = append(dst, 1, byte(x<<4|y), 0)
	for i := 1; i < n; i++ {
		dst = append(dst, byte(i+1), 1<<4|1, 1)
	}
	return dst
}

// appendDHT writes the Huffman tables of the classes in use (T.81, B.2.4.2).
func (c *Coder) appendDHT(dst []byte) []byte {
	size := 0
	for class := range c.classes() {
		size += 2*17 + len(huff.DC(huff.Class(class)).Values) + len(huff.AC(huff.Class(class)).Values)
	}
	dst = appendSegment(dst, markerDHT, size)
	for class := range c.classes() {
		dst = appendHuffman(dst, byte(class), huff.DC(huff.Class(class)))
		dst = appendHuffman(dst, 0x10|byte(class), huff.AC(huff.Class(class)))
	}
	return dst
}

func appendHuffman(dst []byte, id byte, t *huff.Table) []byte {
	dst = append(dst, id)
	dst = append(dst, t.Counts[:]...)
	return append(dst, t.Values...)
}

// appendSOS begins the one scan: all components, all coefficients (T.81, B.2.3).
func (c *Coder) appendSOS(dst []byte) []byte {
	n := c.components()
	dst = appendSegment(dst, markerSOS, 4+2*n)
	dst = append(dst, byte(n), 1, 0x00)
	for i := 1; i < n; i++ {
		dst = append(dst, byte(i+1), 0x11)
	}
	return append(dst, 0, 63, 0)
}

// components returns the number of components in the frame header.
func (c *Coder) components() int {
	if c.config.Gray {
		return 1
	}
	return 3
}

// classes returns how many of luma's and chroma's tables are in use.
func (c *Coder) classes() int { return min(c.components(), 2) }

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
