package scene

import (
	"fmt"
	"image"
	"math"
	"strings"

	"github.com/steadyframe/steadyframe/pool"
)

// Mask says how much of a region is seen: all of it where it is 255, and the background where it is 0.
type Mask struct {
	Shape   Shape
	Feather float64      // pixels of the background over which Rectangle and Ellipse fade in from their edge; 0: none
	Alpha   *image.Alpha // of shape Given, of any size: resized to the region's rectangle, bilinearly. Add borrows it
}

// Shape is the form of a mask.
type Shape uint8

// The shapes.
const (
	Rectangle Shape = iota // "rectangle": all of the region
	Ellipse                // "ellipse": the largest in the rectangle
	Given                  // "given": 8 bits a pixel
)

var shapeNames = []string{"rectangle", "ellipse", "given"}

// String returns the text of s.
func (s Shape) String() string {
	if int(s) >= len(shapeNames) {
		return fmt.Sprintf("Shape(%d)", uint8(s))
	}
	return shapeNames[s]
}

// MarshalText returns the text of s.
func (s Shape) MarshalText() ([]byte, error) {
	if int(s) >= len(shapeNames) {
		return nil, fmt.Errorf("scene: shape has no text: got %d, want 0..%d", uint8(s), len(shapeNames)-1)
	}
	return []byte(shapeNames[s]), nil
}

// UnmarshalText sets s to the shape that text names.
func (s *Shape) UnmarshalText(text []byte) error {
	for i, name := range shapeNames {
		if strings.EqualFold(name, string(text)) {
			*s = Shape(i)
			return nil
		}
	}
	return fmt.Errorf("scene: unknown shape: got %q, want one of %s", text, strings.Join(shapeNames, ", "))
}

// check returns an *OptionError for a mask that says nothing.
func (m *Mask) check(field string) error {
	switch {
	case int(m.Shape) >= len(shapeNames):
		return optionErrorf(field+".shape", "got %d, want 0..%d", m.Shape, len(shapeNames)-1)
	case !(m.Feather >= 0 && m.Feather <= 65535):
		return optionErrorf(field+".feather", "got %v, want 0..65535", m.Feather)
	case (m.Shape == Given) != (m.Alpha != nil):
		return optionErrorf(field+".alpha", "got shape %s with alpha: %t, want alpha for shape given alone", m.Shape, m.Alpha != nil)
	case m.Shape == Given && m.Feather != 0:
		return optionErrorf(field+".feather", "got %v, want 0 for shape given", m.Feather)
	}
	if m.Shape != Given {
		return nil
	}
	// Differences, not products: an Alpha can be put together by hand.
	b := m.Alpha.Rect
	w, h := b.Dx(), b.Dy()
	if w < 1 || h < 1 || w > 65535 || h > 65535 || m.Alpha.Stride < w || (len(m.Alpha.Pix)-w)/m.Alpha.Stride < h-1 || len(m.Alpha.Pix) < w {
		return optionErrorf(field+".alpha", "got %v with %d bytes, %d apart, want 1..65535 pixels a side and all of their bytes", b, len(m.Alpha.Pix), m.Alpha.Stride)
	}
	return nil
}

// at returns the mask, 0..255, at u, v pixels from the corner of a region of width x height pixels. The center of its first
// pixel is at 0.5, 0.5.
func (m *Mask) at(u, v, width, height float64) float64 {
	var inside float64 // pixels from the edge
	switch m.Shape {
	case Given:
		return bilinearAlpha(m.Alpha, u, v, width, height)
	case Ellipse:
		a, b := width/2, height/2
		inside = (1 - math.Hypot((u-a)/a, (v-b)/b)) * min(a, b)
	default:
		inside = min(u, v, width-u, height-v)
	}
	if m.Feather > 0 {
		return 255 * min(max(inside/m.Feather, 0), 1)
	}
	return 255 * min(max(inside+0.5, 0), 1)
}

// bilinearAlpha returns what a, resized to width x height, has at u, v.
func bilinearAlpha(a *image.Alpha, u, v, width, height float64) float64 {
	w, h := a.Rect.Dx(), a.Rect.Dy()
	x, fx := between(u*float64(w)/width, w)
	y, fy := between(v*float64(h)/height, h)
	x1, y1 := min(x+1, w-1), min(y+1, h-1)
	at := func(x, y int) float64 { return float64(a.Pix[y*a.Stride+x]) }
	upper := at(x, y) + fx*(at(x1, y)-at(x, y))
	lower := at(x, y1) + fx*(at(x1, y1)-at(x, y1))
	return upper + fy*(lower-upper)
}

// between returns the sample before a place among n samples, whose centers are at halves, and how far behind it that is.
func between(at float64, n int) (sample int, frac float64) {
	at = min(max(at-0.5, 0), float64(n-1))
	sample = int(at)
	return sample, at - float64(sample)
}

// alphaMask is the mask of one place: a byte for each pixel of rect.
type alphaMask struct {
	pix  pool.Buf
	rect image.Rectangle // of the place; of a mask that places share, with its corner at 0, 0
	seen image.Rectangle // where the bytes are not 0
}

// row returns the bytes of columns from..to of line y, all relative to the corner of rect.
func (m *alphaMask) row(y, from, to int) []byte {
	w := m.rect.Dx()
	return m.pix.Bytes()[y*w+from : y*w+to]
}

// draw sets the bytes of m to what at has for each pixel, and m.seen. It reports whether all are 255. It calls pause after
// each line, whose error it returns.
func (m *alphaMask) draw(at func(x, y int) float64, pause func() error) (whole bool, err error) {
	pix, w := m.pix.Bytes(), m.rect.Dx()
	whole = true
	m.seen = image.Rectangle{}
	for y := range m.rect.Dy() {
		row := pix[y*w:][:w]
		first, last := w, -1
		for x := range row {
			row[x] = byte(math.Floor(at(m.rect.Min.X+x, m.rect.Min.Y+y) + 0.5))
			whole = whole && row[x] == 255
			if row[x] != 0 {
				first, last = min(first, x), x
			}
		}
		if last >= 0 {
			m.seen = m.seen.Union(image.Rect(first, y, last+1, y+1))
		}
		if err := pause(); err != nil {
			return false, err
		}
	}
	return whole, nil
}
