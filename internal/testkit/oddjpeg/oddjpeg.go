// Package oddjpeg makes JPEGs that no camera makes: small ones that cost a decoder much memory or time, and ones of any
// sampling, number of components and EXIF orientation.
package oddjpeg

import "encoding/binary"

// Image is a JPEG of one color, gray unless it is CMYK, whose blocks take two bits each.
type Image struct {
	Width, Height int
	Sampling      []byte // one a component, as in the frame header: 0x22, 0x11, 0x11 is 4:2:0; nil: 0x11, gray
	IDs           string // of the components; "": 1, 2, 3
	Extended      bool   // SOF1, or:
	Progressive   bool   // SOF2
	Separate      bool   // one scan for each component
	ACScans       int    // scans of AC coefficients of the first component of a Progressive image, of a bit for 16,384 blocks
	Adobe         int    // the color transform of an Adobe segment plus 1; 0: no such segment
	JFIF          bool
	Orientation   int // of an EXIF segment; 0: no such segment
}

// Bytes returns the JPEG.
func (m Image) Bytes() []byte {
	if m.Sampling == nil {
		m.Sampling = []byte{0x11}
	}
	if m.IDs == "" {
		m.IDs = "\x01\x02\x03\x04"
	}
	b := []byte{0xFF, 0xD8}
	if m.JFIF {
		b = segment(b, 0xE0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	}
	if m.Orientation != 0 {
		b = segment(b, 0xE1, "Exif\x00\x00"+TIFF(binary.BigEndian, m.Orientation))
	}
	if m.Adobe != 0 {
		b = segment(b, 0xEE, "Adobe\x00\x64\x00\x00\x00\x00"+string(rune(m.Adobe-1)))
	}
	ones := make([]byte, 65)
	for i := range ones[1:] {
		ones[i+1] = 1
	}
	b = segment(b, 0xDB, string(ones))
	frame := []byte{8, byte(m.Height >> 8), byte(m.Height), byte(m.Width >> 8), byte(m.Width), byte(len(m.Sampling))}
	for i, s := range m.Sampling {
		frame = append(frame, m.IDs[i], s, 0)
	}
	kind := byte(0xC0)
	if m.Extended {
		kind = 0xC1
	}
	if m.Progressive {
		kind = 0xC2
	}
	b = segment(b, kind, string(frame))
	b = segment(b, 0xC4, "\x00\x01"+string(make([]byte, 15))+"\x00") // DC: the bit 0 is a difference of 0
	run := byte(0)                                                   // AC: the bit 0 ends the block
	if m.Progressive {
		run = 0xE0 // or, with 14 bits more, 16,384 blocks and more
	}
	b = segment(b, 0xC4, "\x10\x01"+string(make([]byte, 15))+string([]byte{run}))
	if m.Separate {
		for c := range m.Sampling {
			b = m.scan(b, c, c+1)
		}
	} else {
		b = m.scan(b, 0, len(m.Sampling))
	}
	for i := range m.ACScans {
		bits := byte(0x10) // a refinement
		if i == 0 {
			bits = 0x01 // the first
		}
		b = segment(b, 0xDA, string([]byte{1, m.IDs[0], 0, 1, 63, bits}))
		for range (m.blocks(0) + 16383) / 16384 * 2 { // 15 bits each
			b = append(b, 0)
		}
	}
	return append(b, 0xFF, 0xD9)
}

// scan appends a scan of the components from..to-1.
func (m Image) scan(b []byte, from, to int) []byte {
	head := []byte{byte(to - from)}
	bits := 0
	for c := from; c < to; c++ {
		head = append(head, m.IDs[c], 0)
		bits += 2 * m.blocks(c)
	}
	last := byte(63)
	if m.Progressive {
		last = 0 // DC alone
	}
	b = segment(b, 0xDA, string(append(head, 0, last, 0)))
	return append(b, make([]byte, (bits+7)/8)...)
}

// blocks returns how many blocks component c has.
func (m Image) blocks(c int) int {
	h, v := 1, 1
	if len(m.Sampling) > 1 {
		h, v = int(m.Sampling[0]>>4), int(m.Sampling[0]&15)
	}
	mcus := ((m.Width + 8*h - 1) / (8 * h)) * ((m.Height + 8*v - 1) / (8 * v))
	if len(m.Sampling) == 1 {
		return mcus
	}
	return mcus * int(m.Sampling[c]>>4) * int(m.Sampling[c]&15)
}

func segment(b []byte, marker byte, content string) []byte {
	b = append(b, 0xFF, marker)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)+2))
	return append(b, content...)
}

// TIFF returns the EXIF data of an image with that orientation, as TIFF 6.0 has it, in that byte order.
func TIFF(order binary.AppendByteOrder, orientation int) string {
	b := []byte("MM")
	if order.String() == "LittleEndian" {
		b = []byte("II")
	}
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]int{{0x0110, 7}, {0x0112, orientation}} {
		b = order.AppendUint16(b, uint16(entry[0]))
		b = order.AppendUint16(b, 3) // SHORT
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, uint16(entry[1]))
		b = order.AppendUint16(b, 0)
	}
	return string(order.AppendUint32(b, 0))
}

// WithOrientation returns jpeg, which begins with SOI, with an EXIF segment of that orientation.
func WithOrientation(jpeg []byte, orientation int) []byte {
	b := segment([]byte{0xFF, 0xD8}, 0xE1, "Exif\x00\x00"+TIFF(binary.LittleEndian, orientation))
	return append(b, jpeg[2:]...)
}
