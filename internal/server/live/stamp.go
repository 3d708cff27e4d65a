package live

import (
	"image"
	"strconv"
	"time"

	"golang.org/x/image/font/basicfont"

	"github.com/steadyframe/steadyframe/frame"
)

// stamp writes the time and a frame's number into its corner, to make a viewer's lag visible, and frames that come
// twice or not at all.
type stamp struct {
	scale int // pixels to a dot of the font
	text  []byte
}

// newStamp returns a stamp for frames of w x h pixels: about a fifth of the width of a video.
func newStamp(w, h int) *stamp { return &stamp{scale: max(1, (min(w, h)+180)/360)} }

// The cells of basicfont.Face7x13, and the box around the text, in dots.
const (
	dotsAcross, dotsDown = 7, 13
	boxMargin, boxInset  = 5, 3
)

// draw writes into f, of format BGR24. It allocates nothing.
func (s *stamp) draw(f *frame.Frame, now time.Time, n int) {
	s.text = now.AppendFormat(s.text[:0], "15:04:05.00")
	s.text = append(s.text, "  #"...)
	s.text = strconv.AppendInt(s.text, int64(n), 10)
	box := image.Rect(boxMargin, boxMargin, boxMargin+2*boxInset+len(s.text)*dotsAcross, boxMargin+2*boxInset+dotsDown)
	box = image.Rect(box.Min.X*s.scale, box.Min.Y*s.scale, box.Max.X*s.scale, box.Max.Y*s.scale)
	if !box.In(image.Rect(0, 0, f.Desc.Width, f.Desc.Height)) {
		return
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		s.row(f.Row(0, y)[box.Min.X*3:box.Max.X*3], (y-box.Min.Y)/s.scale-boxInset)
	}
}

// row darkens a row of the box and writes row y of the text into it.
func (s *stamp) row(row []byte, y int) {
	for i := range row {
		row[i] >>= 2
	}
	if y < 0 || y >= dotsDown {
		return
	}
	mask := basicfont.Face7x13.Mask.(*image.Alpha)
	for i, c := range s.text {
		glyph := mask.Pix[(int(c-' ')*dotsDown+y)*mask.Stride:][:basicfont.Face7x13.Width]
		for x, a := range glyph {
			if a == 0 {
				continue
			}
			dot := row[(boxInset+i*dotsAcross+x)*s.scale*3:][:s.scale*3]
			for j := range dot {
				dot[j] = 0xF0
			}
		}
	}
}
