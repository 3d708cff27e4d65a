package jpegdec

import (
	"bytes"
	"encoding/binary"
)

// Orientation says how an image is stored, with the values of EXIF (CIPA DC-008, 4.6.5): which of its sides are the visual
// top and left.
type Orientation uint8

const (
	Upright        Orientation = iota + 1 // the first row is the top, the first column the left side
	MirroredAcross                        // top, right
	UpsideDown                            // bottom, right
	MirroredDown                          // bottom, left
	Transposed                            // left, top
	RotateRight                           // right, top: a quarter turn clockwise makes it upright
	Transversed                           // right, bottom
	RotateLeft                            // left, bottom: a quarter turn counterclockwise does
)

// swapsSides reports whether the upright image is as wide as the stored one is high.
func (o Orientation) swapsSides() bool { return o >= Transposed && o <= RotateLeft }

// exifOrientation returns the orientation that an APP1 segment states, if it does. Other APP1 segments, and EXIF data that
// is broken, state none.
func exifOrientation(segment []byte) (Orientation, bool) {
	tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0, false
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) { // TIFF 6.0, section 2
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	const (
		entrySize      = 12
		tagOrientation = 0x0112
		typeShort      = 3
	)
	first := int64(order.Uint32(tiff[4:]))
	if first > int64(len(tiff)-2) {
		return 0, false
	}
	entries := tiff[first+2:]
	for n := order.Uint16(tiff[first:]); n > 0 && len(entries) >= entrySize; n-- {
		if order.Uint16(entries) == tagOrientation {
			o := order.Uint16(entries[8:])
			valid := order.Uint16(entries[2:]) == typeShort && order.Uint32(entries[4:]) == 1 && o >= 1 && o <= 8
			return Orientation(o), valid
		}
		entries = entries[entrySize:]
	}
	return 0, false
}
