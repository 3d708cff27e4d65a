package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// Rect is a rectangle in pixels. Its text is WIDTHxHEIGHT+X+Y, as in X11 and ImageMagick, with - for a negative offset.
type Rect struct{ X, Y, Width, Height int }

// String returns the text of r.
func (r Rect) String() string { return fmt.Sprintf("%dx%d%+d%+d", r.Width, r.Height, r.X, r.Y) }

// MarshalText returns the text of r.
func (r Rect) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText sets r to the rectangle that text describes.
func (r *Rect) UnmarshalText(text []byte) error {
	s := string(text)
	var got Rect
	var ok [4]bool
	got.Width, s, ok[0] = cutNumber(s, "")
	got.Height, s, ok[1] = cutNumber(s, "x")
	got.X, s, ok[2] = cutNumber(s, "+-")
	got.Y, s, ok[3] = cutNumber(s, "+-")
	if ok != [4]bool{true, true, true, true} || s != "" {
		return fmt.Errorf("pipeline: unreadable rectangle: got %q, want WIDTHxHEIGHT+X+Y such as 320x240+16+8", text)
	}
	*r = got
	return nil
}

// cutNumber takes one of the signs (none if signs is empty) and decimal digits from the front of s.
func cutNumber(s, signs string) (n int, rest string, ok bool) {
	negative := false
	if signs != "" {
		if s == "" || !strings.Contains(signs, s[:1]) {
			return 0, s, false
		}
		negative = s[0] == '-'
		s = s[1:]
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	u, err := strconv.ParseUint(s[:digits], 10, 64)
	if err != nil || u > math.MaxInt32 {
		return 0, s, false
	}
	n = int(u)
	if negative {
		n = -n
	}
	return n, s[digits:], true
}

// ParseResize reads the size of a Resize: WIDTHxHEIGHT, or WIDTHx or xHEIGHT, where the side that is left out is 0 and keeps the aspect.
func ParseResize(s string) (width, height int, err error) {
	if w, ok := strings.CutSuffix(s, "x"); ok {
		width, _, err = frame.ParseSize(w + "x1")
	} else if h, ok := strings.CutPrefix(s, "x"); ok {
		_, height, err = frame.ParseSize("1x" + h)
	} else {
		width, height, err = frame.ParseSize(s)
	}
	if err != nil {
		const want = "WIDTHxHEIGHT such as 320x320, or 320x or x320, each 1..%d"
		return 0, 0, fmt.Errorf("pipeline: unreadable size: got %q, want "+want, s, frame.MaxSide)
	}
	return width, height, nil
}

// Color is an 8-bit color. Its text is #rrggbb; the # may be left out, and in YAML it must be quoted.
type Color struct{ R, G, B uint8 }

// String returns the text of c.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// MarshalText returns the text of c.
func (c Color) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText sets c to the color that text describes.
func (c *Color) UnmarshalText(text []byte) error {
	s := strings.TrimPrefix(string(text), "#")
	u, err := strconv.ParseUint(s, 16, 24)
	if err != nil || len(s) != 6 {
		return fmt.Errorf("pipeline: unreadable color: got %q, want #rrggbb such as #102030", text)
	}
	*c = Color{R: uint8(u >> 16), G: uint8(u >> 8), B: uint8(u)}
	return nil
}
