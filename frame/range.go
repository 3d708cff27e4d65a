package frame

import (
	"fmt"
	"slices"
	"strings"
)

// ValueRange says which sample values stand for black and white. The zero value means the usual one for the format:
// limited for I420 and NV12 (as ffmpeg and Y4M have it), 0..255 for 8-bit RGB and gray, 0..1 for floats.
type ValueRange uint8

// The value ranges. RGB of 8 bits is always full; gray, I420 and NV12 are full or limited; floats have the last three.
const (
	RangeDefault ValueRange = iota // "default": the usual one for the format
	RangeFull                      // "full": 8-bit samples use 0..255
	RangeLimited                   // "limited": 8-bit luma uses 16..235, chroma 16..240
	RangeUnit                      // "0..1": floats
	RangeByte                      // "0..255": floats
	RangeSigned                    // "-1..1": floats
)

// rangeNames are the text forms, in the order of the values.
var rangeNames = []string{"default", "full", "limited", "0..1", "0..255", "-1..1"}

// rangeAliases are ffmpeg's further names of its two ranges (its option color_range).
var rangeAliases = map[string]ValueRange{
	"": RangeDefault, "pc": RangeFull, "jpeg": RangeFull, "tv": RangeLimited, "mpeg": RangeLimited,
}

// ParseValueRange returns the range called s, in any case: default (or nothing), full, limited, 0..1, 0..255, -1..1, or
// ffmpeg's pc, jpeg, tv, mpeg. An unknown name gives a *DescError.
func ParseValueRange(s string) (ValueRange, error) {
	name := strings.ToLower(s)
	if i := slices.Index(rangeNames, name); i >= 0 {
		return ValueRange(i), nil
	}
	if r, ok := rangeAliases[name]; ok {
		return r, nil
	}
	return 0, descErrorf("range", "got %q, want one of %s", s, strings.Join(rangeNames, ", "))
}

// String returns the text form of r.
func (r ValueRange) String() string {
	if int(r) >= len(rangeNames) {
		return fmt.Sprintf("ValueRange(%d)", uint8(r))
	}
	return rangeNames[r]
}

// MarshalText returns the text form of r; an invalid value is a *DescError.
func (r ValueRange) MarshalText() ([]byte, error) {
	if int(r) >= len(rangeNames) {
		return nil, descErrorf("range", "got %d, want 0..%d", uint8(r), len(rangeNames)-1)
	}
	return []byte(rangeNames[r]), nil
}

// UnmarshalText sets r as ParseValueRange does.
func (r *ValueRange) UnmarshalText(text []byte) (err error) {
	*r, err = ParseValueRange(string(text))
	return err
}

// ColorSpace is the matrix between RGB and luma and chroma; it matters for I420 and NV12 alone. The zero value is
// BT.601.
type ColorSpace uint8

// The color spaces.
const (
	BT601 ColorSpace = iota // "bt601": Recommendation ITU-R BT.601, also JPEG's (JFIF)
	BT709                   // "bt709": Recommendation ITU-R BT.709, usual for high-definition video
)

// colorNames are the text forms, in the order of the values.
var colorNames = []string{"bt601", "bt709"}

// colorAliases are ffmpeg's names of the matrices equal to BT.601's (its option colorspace).
var colorAliases = map[string]ColorSpace{"": BT601, "smpte170m": BT601, "bt470bg": BT601}

// ParseColorSpace returns the color space called s, in any case: bt601 (or nothing, smpte170m, bt470bg) or bt709. An
// unknown name gives a *DescError.
func ParseColorSpace(s string) (ColorSpace, error) {
	name := strings.ToLower(s)
	if i := slices.Index(colorNames, name); i >= 0 {
		return ColorSpace(i), nil
	}
	if c, ok := colorAliases[name]; ok {
		return c, nil
	}
	return 0, descErrorf("color", "got %q, want one of %s", s, strings.Join(colorNames, ", "))
}

// String returns the text form of c.
func (c ColorSpace) String() string {
	if int(c) >= len(colorNames) {
		return fmt.Sprintf("ColorSpace(%d)", uint8(c))
	}
	return colorNames[c]
}

// MarshalText returns the text form of c; an invalid value is a *DescError.
func (c ColorSpace) MarshalText() ([]byte, error) {
	if int(c) >= len(colorNames) {
		return nil, descErrorf("color", "got %d, want 0..%d", uint8(c), len(colorNames)-1)
	}
	return []byte(colorNames[c]), nil
}

// UnmarshalText sets c as ParseColorSpace does.
func (c *ColorSpace) UnmarshalText(text []byte) (err error) {
	*c, err = ParseColorSpace(string(text))
	return err
}
