package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Markers (T.81, table B.1): the second byte, after 0xFF.
const (
	markerTEM  = 0x01
	markerSOF0 = 0xC0 // baseline
	markerSOF1 = 0xC1 // extended sequential
	markerSOF2 = 0xC2 // progressive
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerDAC  = 0xCC
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDHP  = 0xDE
	markerEXP  = 0xDF
)

// scanState is what the next byte of a JPEG is.
type scanState uint8

const (
	wantStart    scanState = iota // 0xFF of SOI
	wantSOI                       // its second byte
	wantMarker                    // 0xFF of a marker
	wantCode                      // the second byte of a marker, or 0xFF again, which fills
	wantHigh                      // of the length of a segment
	wantLow                       //
	inSegment                     // one of left bytes
	inScan                        // entropy-coded data
	inScanMarker                  // what follows 0xFF there
)

// scanStop is why advance did not go further.
type scanStop uint8

const (
	scanMore     scanStop = iota // there was no more
	scanNoTables                 // after the marker of the first scan: no Huffman table came before it
	scanEnd                      // after the JPEG
)

// jpegScan follows a JPEG, handed over in pieces of any size, to its end. It goes by the markers and the lengths of the
// segments (T.81, B.1), so that an end marker inside a segment, such as that of an EXIF thumbnail, does not end it. Of
// the segments, it reads only the frame header: it does not know whether the JPEG can be decoded.
type jpegScan struct {
	state  scanState
	marker byte    // of the segment
	left   int     // bytes of the segment to come
	header [6]byte // the beginning of the frame header: precision, height, width, components (T.81, B.2.2)
	got    int     // bytes of it
	size   int     // bytes that were followed
	tables bool    // whether a Huffman table came
	scans  int

	width, height, components int // 0 until the frame header came
	progressive               bool
}

// advance follows p and returns how many bytes of it belong to the JPEG. The error is a *JPEGError; the JPEG is
// at its end then too.
func (s *jpegScan) advance(p []byte) (n int, stop scanStop, err error) {
	start := s.size
	for n < len(p) && stop == scanMore && err == nil {
		switch s.state {
		case inScan:
			i := bytes.IndexByte(p[n:], 0xFF)
			if i < 0 {
				n = len(p)
				break
			}
			n += i + 1
			s.state = inScanMarker
		case inSegment:
			n += s.segment(p[n:])
			if s.left == 0 {
				s.size = start + n
				err = s.endSegment()
			}
		default:
			n++
			s.size = start + n
			stop, err = s.next(p[n-1])
		}
	}
	s.size = start + n
	return n, stop, err
}

// next follows one byte outside of segments and entropy-coded data.
func (s *jpegScan) next(b byte) (scanStop, error) {
	switch s.state {
	case wantStart:
		if b != 0xFF {
			return scanMore, s.errorf("got byte 0x%02x, want FF D8, with which a JPEG begins", b)
		}
		s.state = wantSOI
	case wantSOI:
		if b != markerSOI {
			return scanMore, s.errorf("got bytes 0xff%02x, want FF D8, with which a JPEG begins", b)
		}
		s.state = wantMarker
	case wantMarker:
		if b != 0xFF {
			return scanMore, s.errorf("got byte 0x%02x, want a marker, which begins with 0xff", b)
		}
		s.state = wantCode
	case wantCode:
		if b != 0xFF {
			return s.code(b)
		}
	case wantHigh:
		s.left = int(b) << 8
		s.state = wantLow
	case wantLow:
		return scanMore, s.beginSegment(s.left | int(b))
	case inScanMarker:
		switch {
		case b == 0xFF:
		case b == 0 || b >= markerRST0 && b <= markerRST7:
			s.state = inScan
		default:
			return s.code(b)
		}
	}
	return scanMore, nil
}

// code follows the second byte of a marker that stands between segments, or ends a scan.
func (s *jpegScan) code(b byte) (scanStop, error) {
	s.marker = b
	switch {
	case b == markerEOI:
		if s.scans == 0 {
			return scanMore, s.errorf("the JPEG ends before its first scan")
		}
		return scanEnd, nil
	case b == markerSOI:
		return scanMore, s.errorf("another JPEG begins before the end of this one")
	case b >= markerRST0 && b <= markerRST7:
		return scanMore, s.errorf("got restart marker 0x%02x outside of a scan", b)
	case b == markerTEM:
		s.state = wantMarker
		return scanMore, nil
	case b < markerSOF0:
		return scanMore, s.errorf("got marker 0x%02x, want none that is reserved", b)
	case b > markerSOF2 && b < markerRST0 && b != markerDHT && b != markerJPG && b != markerDAC, b == markerDHP, b == markerEXP:
		return scanMore, s.errorf("got marker 0x%02x of a lossless, arithmetic or hierarchical JPEG, want a baseline, extended or progressive one", b)
	}
	s.state = wantHigh
	if b != markerSOS {
		return scanMore, nil
	}
	if s.components == 0 {
		return scanMore, s.errorf("the first scan comes before the frame header")
	}
	if s.scans++; s.scans == 1 && !s.tables {
		return scanNoTables, nil
	}
	return scanMore, nil
}

// frameHeader reports whether the segment is the frame header.
func (s *jpegScan) frameHeader() bool { return s.marker >= markerSOF0 && s.marker <= markerSOF2 }

// beginSegment follows the length of a segment, which counts its own two bytes.
func (s *jpegScan) beginSegment(length int) error {
	switch {
	case length < 2:
		return s.errorf("segment 0x%02x: got length %d, want 2 or more", s.marker, length)
	case s.frameHeader() && s.components > 0:
		return s.errorf("got a second frame header, want one")
	case s.frameHeader() && length < 2+len(s.header):
		return s.errorf("frame header: got length %d, want %d or more", length, 2+len(s.header))
	}
	s.left, s.state = length-2, inSegment
	if s.left == 0 {
		return s.endSegment()
	}
	return nil
}

// segment follows as much of p as belongs to the segment, and returns how much that is.
func (s *jpegScan) segment(p []byte) int {
	n := min(s.left, len(p))
	if s.frameHeader() {
		s.got += copy(s.header[s.got:], p[:n])
	}
	s.left -= n
	return n
}

// endSegment is called after the last byte of a segment.
func (s *jpegScan) endSegment() error {
	s.state = wantMarker
	switch {
	case s.marker == markerSOS:
		s.state = inScan
	case s.marker == markerDHT:
		s.tables = true
	case s.frameHeader():
		return s.readHeader()
	}
	return nil
}

// readHeader reads size and components from the frame header.
func (s *jpegScan) readHeader() error {
	precision, components := s.header[0], int(s.header[5])
	height, width := int(binary.BigEndian.Uint16(s.header[1:])), int(binary.BigEndian.Uint16(s.header[3:]))
	switch {
	case precision != 8:
		return s.errorf("frame header: got %d bits a sample, want 8", precision)
	case width == 0 || height == 0:
		return s.errorf("frame header: got size %dx%d, want 1 or more each way", width, height)
	case components < 1 || components > 4:
		return s.errorf("frame header: got %d components, want 1..4", components)
	}
	s.width, s.height, s.components = width, height, components
	s.progressive = s.marker == markerSOF2
	return nil
}

// errorf returns the error about the byte that was followed last.
func (s *jpegScan) errorf(format string, args ...any) error {
	return &JPEGError{Offset: s.size - 1, Reason: fmt.Sprintf(format, args...)}
}
