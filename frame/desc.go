package frame

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxSide is the largest width and height: JPEG's frame header has 16 bits for each (ITU-T T.81, B.2.2).
const MaxSide = 65535

// Desc is the geometry of a frame: everything that is needed to read its samples. It is comparable.
type Desc struct {
	Format PixelFormat `json:"format" yaml:"format"`
	Width  int         `json:"width" yaml:"width"`   // pixels, 1..MaxSide
	Height int         `json:"height" yaml:"height"` // pixels, 1..MaxSide
	Range  ValueRange  `json:"range,omitzero" yaml:"range,omitempty"`
	Color  ColorSpace  `json:"color,omitzero" yaml:"color,omitempty"`
}

// DescError says which field of a Desc, or of a plane against its Desc, is wrong.
type DescError struct {
	Field  string // as in JSON: "format", "width", "planes[1].stride"
	Reason string // "got 0, want 1..65535"
}

func (e *DescError) Error() string { return "frame: " + e.Field + ": " + e.Reason }

func descErrorf(field, format string, args ...any) *DescError {
	return &DescError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Validate returns nil for a geometry that can be read, else a *DescError about the first wrong field: an invalid
// format, a side outside 1..MaxSide, a range or color space that does not go with the format, or a size in bytes that an
// int cannot hold. It does not check limits of a server, which are far lower.
func (d Desc) Validate() error {
	_, err := d.Size()
	return err
}

// Size returns the bytes of a tightly packed frame: planes one after the other, rows without gaps. The error is
// Validate's.
func (d Desc) Size() (int, error) {
	if !d.Format.Valid() {
		return 0, descErrorf("format", "got %d, want one of %s", uint8(d.Format), formatNames())
	}
	if d.Width < 1 || d.Width > MaxSide {
		return 0, descErrorf("width", "got %d, want 1..%d", d.Width, MaxSide)
	}
	if d.Height < 1 || d.Height > MaxSide {
		return 0, descErrorf("height", "got %d, want 1..%d", d.Height, MaxSide)
	}
	if err := d.checkColor(); err != nil {
		return 0, err
	}
	// At most 3 planes of 65535*65535 samples of 4 bytes, 52 GB: it always fits int64, and not always int.
	var size int64
	for i := range d.Format.Planes() {
		_, h, rowBytes := d.PlaneSize(i)
		size += int64(h) * int64(rowBytes)
	}
	if size > math.MaxInt {
		return 0, descErrorf("size", "got %d bytes, want <= %d", size, math.MaxInt)
	}
	return int(size), nil
}

// checkColor returns a *DescError when the range or the color space does not go with the format.
func (d Desc) checkColor() error {
	want, ok := "full", d.Range == RangeFull
	switch {
	case d.Format.IsFloat():
		want, ok = "0..1, 0..255 or -1..1", d.Range == RangeUnit || d.Range == RangeByte || d.Range == RangeSigned
	case d.Format.IsYUV() || d.Format == Gray8:
		want, ok = "full or limited", d.Range == RangeFull || d.Range == RangeLimited
	}
	if !ok && d.Range != RangeDefault {
		return descErrorf("range", "got %s, want %s for %s", d.Range, want, d.Format)
	}
	if d.Color > BT709 || d.Color != BT601 && !d.Format.IsYUV() {
		return descErrorf("color", "got %s, want bt601, or bt709 for yuv420p and nv12; here %s", d.Color, d.Format)
	}
	return nil
}

// EffectiveRange returns d.Range, or for RangeDefault the usual range of the format.
func (d Desc) EffectiveRange() ValueRange {
	switch {
	case d.Range != RangeDefault:
		return d.Range
	case d.Format.IsFloat():
		return RangeUnit
	case d.Format.IsYUV():
		return RangeLimited
	}
	return RangeFull
}

// PlaneSize returns the size of plane i in samples, and the bytes of one of its rows without padding. All three are 0
// where the format has no plane i. d must be valid.
func (d Desc) PlaneSize(i int) (width, height, rowBytes int) {
	info := d.Format.info()
	if i < 0 || i >= info.planes {
		return 0, 0, 0
	}
	width, height = d.Width, d.Height
	if info.halved[i] {
		width, height = ChromaSize(width), ChromaSize(height)
	}
	return width, height, width * info.bytes[i]
}

// ChromaSize returns the chroma samples along a side of n luma samples when chroma is halved: n/2 rounded up, so that
// an odd side has a last chroma sample of its own.
func ChromaSize(n int) int { return (n + 1) / 2 }

// String returns a short form such as "bgr24 640x360" or "nv12 1920x1080 full bt709"; default range and color space
// are left out.
func (d Desc) String() string {
	s := fmt.Sprintf("%s %dx%d", d.Format, d.Width, d.Height)
	if d.Range != RangeDefault {
		s += " " + d.Range.String()
	}
	if d.Color != BT601 {
		s += " " + d.Color.String()
	}
	return s
}

// ParseSize returns the sides of a size written as 640x360, each within 1..MaxSide, else a *DescError.
func ParseSize(s string) (width, height int, err error) {
	w, h, ok := strings.Cut(strings.ToLower(s), "x")
	width, okW := parseSide(w)
	height, okH := parseSide(h)
	if !ok || !okW || !okH {
		return 0, 0, descErrorf("size", "got %q, want WIDTHxHEIGHT such as 640x360, each 1..%d", s, MaxSide)
	}
	return width, height, nil
}

// parseSide takes decimal digits alone: no sign, no space.
func parseSide(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && n > 0
}
