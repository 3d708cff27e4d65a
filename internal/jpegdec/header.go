// Package jpegdec decodes untrusted JPEGs. It wraps the standard decoder, image/jpeg, which by itself allocates up to
// 28 bytes a pixel, works for minutes on a small file, and cannot be stopped.
//
// Before anything is decoded, Header computes the cost of decoding: the memory, exactly, and the scans, whose number is
// limited. A Decoder then feeds image/jpeg in small pieces, so that it can be stopped, or made to pause, between two of
// them. It applies the EXIF orientation.
package jpegdec

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Info describes a JPEG by its headers.
type Info struct {
	Width, Height int // in pixels, as stored; Size returns those of the decoded image
	Components    int // 1: gray, 3: color, 4: CMYK or YCCK
	Progressive   bool
	Subsampling   string // of the chroma: "4:4:4", "4:4:0", "4:2:2", "4:2:0", "4:1:1", "4:1:0"; "" for gray and other samplings
	Orientation   Orientation
	Scans         int
	Bytes         int   // up to the end of the EOI marker; 0 when there is none. Bytes after it are not part of the image
	MemoryBytes   int64 // an upper bound of what Decoder.Decode allocates for it
}

// Size returns the size of the upright image, in pixels.
func (i *Info) Size() (width, height int) {
	if i.Orientation.swapsSides() {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// FormatError says why bytes are not a JPEG that can be decoded.
type FormatError struct {
	Offset int // of the byte that is wrong
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("jpegdec: at byte %d: %s", e.Offset, e.Reason)
}

// ScansError says that an image would take too long to decode: a component comes in too many scans, each of which
// visits the whole image.
type ScansError struct{ Got, Max int }

func (e *ScansError) Error() string {
	return fmt.Sprintf("jpegdec: too many scans of one component: got %d, want at most %d", e.Got, e.Max)
}

// maxScans is how many scans of one component a progressive image may have. Encoders write up to 8. In a sequential image
// each component comes once (ITU-T T.81, A.2.3).
const maxScans = 32

// Markers (ITU-T T.81, table B.1).
const (
	markerTEM   = 0x01
	markerSOF0  = 0xC0 // baseline
	markerSOF2  = 0xC2 // progressive
	markerDHT   = 0xC4
	markerJPG   = 0xC8
	markerDAC   = 0xCC
	markerSOF15 = 0xCF
	markerRST0  = 0xD0
	markerRST7  = 0xD7
	markerSOI   = 0xD8
	markerEOI   = 0xD9
	markerSOS   = 0xDA
	markerAPP0  = 0xE0
	markerAPP1  = 0xE1
	markerAPP14 = 0xEE
)

// component is one of a frame header.
type component struct {
	id    byte
	h, v  int // sampling factors
	scans int
}

// header is what Header reads.
type header struct {
	info       Info
	comps      [4]component // of which info.Components
	jfif       bool
	adobe      bool // an Adobe segment says the color transform
	transform  byte
	pieces     []piece // nil, or of length 0 to collect them
	collecting bool
}

// piece is a run of bytes to be given to the decoder step by step.
type piece struct {
	end  int // offset of the byte after it
	step int // bytes at a time
}

// Header reads the headers of the JPEG that data begins with, and finds its end. Data that is cut short after the frame
// header is fine. The error is a *FormatError or a *ScansError. It allocates nothing.
func Header(data []byte) (Info, error) {
	var h header
	err := h.read(data)
	return h.info, err
}

// read walks over all segments and scans the way image/jpeg does: bytes that belong to none are skipped.
func (h *header) read(data []byte) error {
	if !bytes.HasPrefix(data, []byte{0xFF, markerSOI}) {
		return &FormatError{Reason: "got other bytes, want FF D8, with which a JPEG begins"}
	}
	h.info.Orientation = Upright
	for pos := 2; ; {
		marker, at := nextMarker(data, pos)
		if marker == markerEOI {
			h.info.Bytes = at
			h.add(piece{end: at, step: maxStep})
		}
		if marker == markerEOI || marker == 0 {
			break
		}
		pos = at
		if marker == markerTEM {
			continue
		}
		segment, cut, err := segmentAt(data, at)
		if err != nil {
			return err
		}
		if cut {
			break
		}
		pos += 2 + len(segment)
		if err := h.segment(marker, segment, at); err != nil {
			return err
		}
		if marker == markerSOS {
			pos = h.scan(data, segment, pos)
		}
	}
	if h.info.Components == 0 {
		return &FormatError{Offset: len(data), Reason: "the JPEG ends before its frame header"}
	}
	h.info.MemoryBytes = h.memory()
	return h.checkScans()
}

// nextMarker returns the next marker that is not a restart marker, and the offset after it; 0 when there is none.
func nextMarker(data []byte, pos int) (marker byte, at int) {
	for {
		i := bytes.IndexByte(data[pos:], 0xFF)
		if i < 0 {
			return 0, len(data)
		}
		for pos += i; pos < len(data) && data[pos] == 0xFF; pos++ { // 0xFF before a marker is fill.
		}
		if pos == len(data) {
			return 0, pos
		}
		marker = data[pos]
		pos++
		if marker != 0 && (marker < markerRST0 || marker > markerRST7) {
			return marker, pos
		}
	}
}

// segmentAt returns the segment whose length stands at that offset, without the length, or that it is cut short.
func segmentAt(data []byte, at int) (segment []byte, cut bool, err error) {
	if len(data)-at < 2 {
		return nil, true, nil
	}
	n := int(binary.BigEndian.Uint16(data[at:]))
	if n < 2 {
		return nil, false, &FormatError{Offset: at, Reason: fmt.Sprintf("segment: got length %d, want 2 or more", n)}
	}
	if len(data)-at < n {
		return nil, true, nil
	}
	return data[at+2 : at+n], false, nil
}

// segment reads a segment, which begins at that offset.
func (h *header) segment(marker byte, segment []byte, at int) error {
	switch {
	case marker == markerDHT:
	case marker == markerSOI, marker == markerJPG, marker == markerDAC:
		return &FormatError{Offset: at - 1, Reason: fmt.Sprintf("got marker 0x%02x, want none in a baseline, extended or progressive JPEG", marker)}
	case marker >= markerSOF0 && marker <= markerSOF15:
		return h.frame(marker, segment, at)
	case marker == markerSOS && h.info.Components == 0:
		return &FormatError{Offset: at - 1, Reason: "got a scan before the frame header"}
	case marker == markerAPP0:
		if len(segment) >= 5 {
			h.jfif = bytes.HasPrefix(segment, []byte("JFIF\x00"))
		}
	case marker == markerAPP1:
		if o, ok := exifOrientation(segment); ok && h.info.Orientation == Upright {
			h.info.Orientation = o
		}
	case marker == markerAPP14:
		if len(segment) >= 12 && bytes.HasPrefix(segment, []byte("Adobe")) {
			h.adobe, h.transform = true, segment[11]
		}
	}
	return nil
}

// frame reads the frame header (ITU-T T.81, B.2.2).
func (h *header) frame(marker byte, s []byte, at int) error {
	wrong := func(format string, args ...any) error {
		return &FormatError{Offset: at - 1, Reason: "frame header: " + fmt.Sprintf(format, args...)}
	}
	switch {
	case h.info.Components != 0:
		return wrong("got a second one")
	case marker > markerSOF2:
		return wrong("got type 0x%02x, lossless, hierarchical or arithmetic, want baseline, extended or progressive", marker)
	case len(s) < 6:
		return wrong("got %d bytes, want 6 or more", len(s))
	}
	height, width, n := int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:])), int(s[5])
	switch {
	case s[0] != 8:
		return wrong("got %d bits a sample, want 8", s[0])
	case width == 0 || height == 0:
		return wrong("got size %dx%d, want 1 or more each way", width, height)
	case n != 1 && n != 3 && n != 4:
		return wrong("got %d components, want 1, 3 or 4", n)
	case len(s) != 6+3*n:
		return wrong("got %d bytes for %d components, want %d", len(s), n, 6+3*n)
	}
	for i := range n {
		c := component{id: s[6+3*i], h: int(s[7+3*i] >> 4), v: int(s[7+3*i] & 15)}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return wrong("got sampling %dx%d, want 1..4 each way", c.h, c.v)
		}
		if n == 1 {
			c.h, c.v = 1, 1 // A single component is not subsampled, whatever it says (A.2.2).
		}
		h.comps[i] = c
	}
	h.info.Width, h.info.Height, h.info.Components = width, height, n
	h.info.Progressive = marker == markerSOF2
	h.info.Subsampling = h.subsampling()
	return nil
}

// subsampling returns the chroma subsampling by its usual name.
func (h *header) subsampling() string {
	if h.info.Components == 1 {
		return ""
	}
	y, cb, cr := h.comps[0], h.comps[1], h.comps[2]
	if cb.h != cr.h || cb.v != cr.v || y.h%cb.h != 0 || y.v%cb.v != 0 {
		return ""
	}
	switch [2]int{y.h / cb.h, y.v / cb.v} {
	case [2]int{1, 1}:
		return "4:4:4"
	case [2]int{1, 2}:
		return "4:4:0"
	case [2]int{2, 1}:
		return "4:2:2"
	case [2]int{2, 2}:
		return "4:2:0"
	case [2]int{4, 1}:
		return "4:1:1"
	case [2]int{4, 2}:
		return "4:1:0"
	}
	return ""
}

// scan counts the scan with that header, whose data begins at start, and returns where that ends.
func (h *header) scan(data, segment []byte, start int) (end int) {
	h.info.Scans++
	blocks := 0
	if len(segment) > 0 {
		for i := 1; i+1 < len(segment) && i < 1+2*int(segment[0]); i += 2 {
			for c := range h.info.Components {
				if h.comps[c].id == segment[i] {
					h.comps[c].scans++
					blocks += h.blocks(c)
				}
			}
		}
	}
	marker, at := nextMarker(data, start)
	end = at
	if marker != 0 {
		end = at - 2
	}
	h.add(piece{end: start, step: maxStep})
	h.add(piece{end: end, step: stepOf(end-start, blocks)})
	return end
}

// add appends p to the pieces, if they are wanted.
func (h *header) add(p piece) {
	if h.collecting {
		h.pieces = append(h.pieces, p)
	}
}

const (
	maxStep = 4096 // bytes that image/jpeg reads at a time
	minStep = 16
	// stepBlocks is how many blocks image/jpeg decodes of one step, on average: some milliseconds.
	stepBlocks = 32 << 10
)

// stepOf returns how many bytes of the data of a scan the decoder is given at a time. In a progressive image 15 bits can
// stand for 32,767 blocks.
func stepOf(size, blocks int) int {
	if blocks == 0 {
		return maxStep
	}
	return int(min(max(int64(size)*stepBlocks/int64(blocks), minStep), maxStep))
}

// checkScans refuses an image that takes too long for its size.
func (h *header) checkScans() error {
	most := 1
	if h.info.Progressive {
		most = maxScans
	}
	for _, c := range h.comps {
		if c.scans > most {
			return &ScansError{Got: c.scans, Max: most}
		}
	}
	return nil
}

// mcus returns how many MCUs an interleaved scan has, each way.
func (h *header) mcus() (across, down int) {
	w, v := 8*h.comps[0].h, 8*h.comps[0].v // image/jpeg has no other MCU than that of the first component.
	return (h.info.Width + w - 1) / w, (h.info.Height + v - 1) / v
}

// blocks returns how many blocks image/jpeg keeps of component c.
func (h *header) blocks(c int) int {
	across, down := h.mcus()
	return across * down * h.comps[c].h * h.comps[c].v
}

const (
	blockSamples   = 64
	blockBytes     = 4 * blockSamples // of coefficients, as int32
	fixedBytes     = 20 << 10         // image/jpeg's tables and buffers, and what is rounded up
	allocationUnit = 8 << 10          // to which Go rounds large objects up
)

// memory returns what Decode allocates at most, by what image/jpeg does: samples of whole MCUs, the coefficients of a
// progressive image, and another image for RGB and CMYK; and here another one where the frame is RGBA, or turned.
func (h *header) memory() int64 {
	total := int64(fixedBytes)
	add := func(n int64) { total += (n + allocationUnit - 1) / allocationUnit * allocationUnit }
	var samples int64
	for c := range h.info.Components {
		blocks := int64(h.blocks(c))
		if h.info.Progressive {
			add(blocks * blockBytes)
		}
		if c == 3 {
			add(blocks * blockSamples)
		} else {
			samples += blocks * blockSamples
		}
	}
	add(samples)
	pixels := int64(h.info.Width) * int64(h.info.Height)
	switch {
	case h.info.Components == 1:
		if h.info.Orientation != Upright {
			add(pixels)
		}
	case h.keepsPlanes():
		if h.info.Orientation != Upright {
			add(pixels + pixels/2)
		}
	default:
		add(4 * pixels)
		if h.info.Orientation != Upright {
			add(4 * pixels)
		}
	}
	return total
}

// rgb reports whether image/jpeg takes the three components for R, G and B.
func (h *header) rgb() bool {
	if h.jfif {
		return false
	}
	if h.adobe && h.transform == 0 {
		return true
	}
	return h.comps[0].id == 'R' && h.comps[1].id == 'G' && h.comps[2].id == 'B'
}

// keepsPlanes reports whether the frame is I420: nothing is converted then. Chroma planes can be turned only where no
// sample of theirs stands for half as many pixels as the others.
func (h *header) keepsPlanes() bool {
	if h.info.Components != 3 || h.rgb() || h.info.Subsampling != "4:2:0" {
		return false
	}
	return h.info.Orientation == Upright || h.info.Width%2 == 0 && h.info.Height%2 == 0
}
