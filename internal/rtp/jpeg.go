package rtp

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// MaxSide is the largest width or height that RTP can carry: a byte of 8 pixels.
const MaxSide = 2040

// maxScan bounds the entropy-coded bytes: the offset of a packet has 24 bits.
const maxScan = 1<<24 - 1

// JPEG is what RTP carries of a JPEG: the entropy-coded bytes, and what is needed to make the headers before them again (RFC 2435,
// 3.1). These are of a baseline JPEG in three components, one scan and 4:2:0 or 4:2:2, with the Huffman tables of T.81, annex K.3.
type JPEG struct {
	Width, Height int    // in pixels, multiples of 8
	Halved        bool   // chroma vertically, too: 4:2:0
	Restart       uint16 // MCUs between two restart markers; 0: there are none
	Scan          []byte // borrowed: the entropy-coded bytes

	tables [128]byte // quantization of luma and chroma, in zig-zag order
}

// UnsupportedError says why a JPEG cannot be carried.
type UnsupportedError struct {
	Reason        string
	Width, Height int // where it is the size: the nearest one that can be; else 0
}

func (e *UnsupportedError) Error() string { return "rtp: " + e.Reason }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{Reason: fmt.Sprintf(format, args...)}
}

// The markers that are read (ITU-T T.81, table B.1).
const (
	markerSOF0  = 0xC0 // baseline
	markerSOF1  = 0xC1 // extended sequential: of 8 bits, with at most two tables, it is read as baseline is
	markerSOF2  = 0xC2 // progressive
	markerDHT   = 0xC4
	markerJPG   = 0xC8
	markerDAC   = 0xCC
	markerSOF15 = 0xCF
	markerSOI   = 0xD8
	markerEOI   = 0xD9
	markerSOS   = 0xDA
	markerDQT   = 0xDB
	markerDRI   = 0xDD
	markerAPP14 = 0xEE
)

// Parse reads the headers of a JPEG, which ends with EOI or with the last entropy-coded byte. j borrows data. The error is an
// *UnsupportedError.
func (j *JPEG) Parse(data []byte) error {
	if len(data) < 2 || data[0] != 0xFF || data[1] != markerSOI {
		return unsupported("got other bytes, want FF D8, with which a JPEG begins")
	}
	*j = JPEG{}
	var h headers
	for pos := 2; ; {
		marker, segment, next := nextSegment(data, pos)
		if segment == nil {
			return unsupported("the JPEG ends before its first scan, or has a wrong segment at byte %d", pos)
		}
		if err := h.read(marker, segment); err != nil {
			return err
		}
		if pos = next; marker == markerSOS {
			return j.set(&h, segment, data[pos:])
		}
	}
}

// nextSegment returns the segment whose marker is at pos, without its length, and where it ends. It returns nil where there is none.
func nextSegment(data []byte, pos int) (marker byte, segment []byte, next int) {
	if pos >= len(data) || data[pos] != 0xFF {
		return 0, nil, 0
	}
	for pos < len(data) && data[pos] == 0xFF { // More of them are fill.
		pos++
	}
	if len(data)-pos < 3 {
		return 0, nil, 0
	}
	n := int(binary.BigEndian.Uint16(data[pos+1:]))
	if n < 2 || n > len(data)-pos-1 {
		return 0, nil, 0
	}
	return data[pos], data[pos+3 : pos+1+n : pos+1+n], pos + 1 + n
}

// headers are what the segments before a scan say.
type headers struct {
	quant   [4][]byte   // tables by their number; nil: there is none
	huffman [2][4]which // by class, DC or AC, and number
	frame   []byte      // the parameters of SOF0 or SOF1; nil: there was none
	restart uint16
	rgb     bool // not luma and chroma
}

// which Huffman table one is.
type which byte

const (
	unset  which = iota // which JPEGs in AVI files leave so: then it is the standard one of its number
	luma                // tables K.3 and K.5
	chroma              // tables K.4 and K.6
	other
)

// read reads a segment.
func (h *headers) read(marker byte, segment []byte) error {
	switch {
	case marker == markerDQT:
		return h.readQuantization(segment)
	case marker == markerDHT:
		return h.readHuffman(segment)
	case marker == markerDRI:
		if len(segment) != 2 {
			return unsupported("got a restart interval of %d bytes, want 2", len(segment))
		}
		h.restart = binary.BigEndian.Uint16(segment)
	case marker == markerAPP14 && len(segment) >= 12 && string(segment[:5]) == "Adobe":
		h.rgb = segment[11] == 0
	case marker == markerSOF0, marker == markerSOF1:
		if h.frame != nil {
			return unsupported("got a second frame header")
		}
		h.frame = segment
	case marker == markerSOF2:
		return unsupported("got a progressive JPEG, want baseline")
	case marker > markerSOF2 && marker <= markerSOF15 && marker != markerJPG || marker == markerDAC:
		return unsupported("got a JPEG of another process (marker FF %02X), want baseline", marker)
	case marker < markerSOF0, marker == markerJPG, marker >= 0xD0 && marker <= markerEOI:
		return unsupported("got marker FF %02X before the scan", marker)
	}
	return nil
}

// readQuantization reads tables (T.81, B.2.4.1).
func (h *headers) readQuantization(segment []byte) error {
	for len(segment) > 0 {
		precision, number := segment[0]>>4, segment[0]&0x0F
		switch {
		case precision != 0:
			return unsupported("got a quantization table of 16 bits, want 8")
		case number > 3 || len(segment) < 65:
			return unsupported("got a wrong quantization table")
		}
		h.quant[number] = segment[1:65]
		segment = segment[65:]
	}
	return nil
}

// readHuffman reads tables (T.81, B.2.4.2).
func (h *headers) readHuffman(segment []byte) error {
	for len(segment) > 0 {
		class, number := segment[0]>>4, segment[0]&0x0F
		values := 0
		if len(segment) >= 17 {
			for _, n := range segment[1:17] {
				values += int(n)
			}
		}
		if class > 1 || number > 3 || len(segment) < 17+values {
			return unsupported("got a wrong Huffman table")
		}
		h.huffman[class][number] = whichOf(class, segment[1:17], segment[17:17+values])
		segment = segment[17+values:]
	}
	return nil
}

// whichOf returns which table has those counts and values.
func whichOf(class byte, counts, values []byte) which {
	for c, w := range [2]which{huff.Luma: luma, huff.Chroma: chroma} {
		t := huff.DC(huff.Class(c))
		if class == 1 {
			t = huff.AC(huff.Class(c))
		}
		if bytes.Equal(counts, t.Counts[:]) && bytes.Equal(values, t.Values) {
			return w
		}
	}
	return other
}

// set sets j to what the headers say, with the parameters of a scan and what follows them.
func (j *JPEG) set(h *headers, scan, rest []byte) error {
	f := h.frame
	switch {
	case len(f) < 6 || len(f) != 6+3*int(f[5]):
		return unsupported("got a scan without a frame header before it")
	case f[0] != 8:
		return unsupported("got samples of %d bits, want 8", f[0])
	case f[5] == 1:
		return unsupported("got a gray JPEG, want color in 4:2:0 or 4:2:2")
	case f[5] != 3:
		return unsupported("got %d components, want 3", f[5])
	case h.rgb:
		return unsupported("got red, green and blue, want luma and chroma")
	}
	j.Height, j.Width = int(binary.BigEndian.Uint16(f[1:])), int(binary.BigEndian.Uint16(f[3:]))
	j.Restart = h.restart
	if err := j.checkSize(); err != nil {
		return err
	}
	if err := j.setChroma(f[6:]); err != nil {
		return err
	}
	if err := j.setTables(h, f[6:], scan); err != nil {
		return err
	}
	if n := len(rest); n >= 2 && rest[n-2] == 0xFF && rest[n-1] == markerEOI {
		rest = rest[:n-2]
	}
	if len(rest) == 0 || len(rest) > maxScan {
		return unsupported("got a scan of %d bytes, want 1 to %d", len(rest), maxScan)
	}
	j.Scan = rest
	return nil
}

func (j *JPEG) checkSize() error {
	if j.Width > 0 && j.Height > 0 && j.Width <= MaxSide && j.Height <= MaxSide && j.Width%8 == 0 && j.Height%8 == 0 {
		return nil
	}
	e := &UnsupportedError{Reason: fmt.Sprintf("got %dx%d pixels, want sides that are multiples of 8, at most %d", j.Width, j.Height, MaxSide)}
	e.Width, e.Height = fitting(j.Width, j.Height)
	return e
}

// fitting returns the largest size that can be carried, of about the same shape, within width x height; but 8 at least.
func fitting(width, height int) (w, h int) {
	if longer := max(width, height); longer > MaxSide {
		width, height = width*MaxSide/longer, height*MaxSide/longer
	}
	return max(8, width&^7), max(8, height&^7)
}

// setChroma sets the subsampling that the components have (RFC 2435, 4.1), each its number, its sampling factors, and its table.
func (j *JPEG) setChroma(components []byte) error {
	const once, twiceAcross, twiceBoth = 0x11, 0x21, 0x22
	y, cb, cr := components[1], components[4], components[7]
	switch {
	case cb == once && cr == once && y == twiceBoth:
		j.Halved = true
	case cb == once && cr == once && y == twiceAcross:
	case y == cb && y == cr:
		return unsupported("got 4:4:4, want 4:2:0 or 4:2:2")
	default:
		return unsupported("got sampling factors %02x %02x %02x, want those of 4:2:0 (22 11 11) or 4:2:2 (21 11 11)", y, cb, cr)
	}
	return nil
}

// setTables checks that the one scan has all components with the standard Huffman tables, and sets the quantization tables.
func (j *JPEG) setTables(h *headers, components, scan []byte) error {
	if len(scan) != 1+2*3+3 || scan[0] != 3 || scan[7] != 0 || scan[8] != 63 || scan[9] != 0 {
		return unsupported("got several scans, want one of all components")
	}
	for i := range 3 {
		component, selected := components[3*i:], scan[1+2*i:]
		if component[0] != selected[0] {
			return unsupported("got components in another order in the scan than in the frame header")
		}
		want := chroma
		if i == 0 {
			want = luma
		}
		for class, number := range [2]byte{selected[1] >> 4, selected[1] & 0x0F} {
			if number > 3 {
				return unsupported("got Huffman table %d, want 0..3", number)
			}
			got := h.huffman[class][number]
			if got == unset && number == byte(want-luma) {
				got = want
			}
			if got != want {
				return unsupported("got Huffman tables of its own, want the standard ones")
			}
		}
		number := component[2]
		if number > 3 || h.quant[number] == nil {
			return unsupported("got no quantization table for a component")
		}
		table := j.tables[:64]
		if i > 0 {
			table = j.tables[64:]
		}
		if i == 2 && !bytes.Equal(table, h.quant[number]) {
			return unsupported("got two quantization tables for chroma, want one")
		}
		copy(table, h.quant[number])
	}
	return nil
}

const (
	mainBytes    = 8       // before each piece of a scan
	restartBytes = 4       // after that, with restart markers
	tablesBytes  = 4 + 128 // after that, in the first packet
)

// appendHeaders appends what comes before the piece of the scan at that offset (RFC 2435, 3.1).
func (j *JPEG) appendHeaders(dst []byte, offset int) []byte {
	kind := byte(0)
	if j.Halved {
		kind = 1
	}
	if j.Restart != 0 {
		kind |= 64
	}
	const tablesInBand = 255 // in each image: other images may have others
	dst = append(dst, 0, byte(offset>>16), byte(offset>>8), byte(offset), kind, tablesInBand, byte(j.Width/8), byte(j.Height/8))
	if j.Restart != 0 {
		dst = binary.BigEndian.AppendUint16(dst, j.Restart)
		dst = append(dst, 0xFF, 0xFF) // The image is to be put together as a whole before it is decoded.
	}
	if offset == 0 {
		dst = append(dst, 0, 0, 0, byte(len(j.tables)))
		dst = append(dst, j.tables[:]...)
	}
	return dst
}

// headersBytes returns how many bytes appendHeaders appends.
func (j *JPEG) headersBytes(offset int) int {
	n := mainBytes
	if j.Restart != 0 {
		n += restartBytes
	}
	if offset == 0 {
		n += tablesBytes
	}
	return n
}

// Packets are the packets of an image. The zero value works; its memory is used again.
type Packets struct {
	// Parts are the packets, each as two parts: what comes before the entropy-coded bytes, and those, which are borrowed from the
	// JPEG. A reader of it may change the slice.
	Parts [][]byte

	heads []byte
}

// Cut makes packets of j, of that time stamp, each of at most MaxPacket bytes, for that channel or NoChannel. They are there until
// the next call.
func (p *Packets) Cut(t *Track, j *JPEG, channel int, stamp uint32) {
	later := MaxPacket - headerBytes - j.headersBytes(1) // in each packet but the first
	n := 1 + (len(j.Scan)+tablesBytes)/later
	if need := n * (interleavedBytes + headerBytes + mainBytes + restartBytes); cap(p.heads) < need+tablesBytes {
		p.heads = make([]byte, 0, need+tablesBytes) // It must not grow below: parts are in it.
	}
	p.heads, p.Parts = p.heads[:0], p.Parts[:0]
	for offset := 0; offset < len(j.Scan); {
		head := j.headersBytes(offset)
		piece := j.Scan[offset:min(len(j.Scan), offset+MaxPacket-headerBytes-head)]
		last := offset+len(piece) == len(j.Scan)
		begin := len(p.heads)
		p.heads = appendInterleaved(p.heads, channel, headerBytes+head+len(piece))
		p.heads = t.appendHeader(p.heads, last, stamp, head+len(piece))
		p.heads = j.appendHeaders(p.heads, offset)
		p.Parts = append(p.Parts, p.heads[begin:len(p.heads):len(p.heads)], piece)
		offset += len(piece)
	}
}

// Release ends the loan of the JPEG's bytes.
func (p *Packets) Release() {
	clear(p.Parts)
	p.Parts = p.Parts[:0]
}
