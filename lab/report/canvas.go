package report

import (
	"bytes"
	"encoding/xml"
	"image/color"
	"strconv"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// ink is what things are drawn in: the classes that the style sheet gives a color, by the theme, and to text its size
// and the side it stands on.
type ink string

// RGBA is that of black: an ink's color is the style sheet's to say.
func (ink) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0xffff }

// canvas is a vg.Canvas that writes elements of SVG: lines, areas and text, but no transformations and no images, which
// plots are drawn without. Its origin is the upper left corner, with all that is drawn below: an image grows downwards
// until it is done. Package vgsvg writes colors as numbers into every element, where no style sheet reaches them, and
// points with five digits, which makes long lines three times as large.
type canvas struct {
	vg.Canvas // nil: what is not below is not drawn with

	out bytes.Buffer

	ink    ink
	width  vg.Length
	dashes []vg.Length
}

func (c *canvas) SetLineWidth(w vg.Length) { c.width = w }

func (c *canvas) SetLineDash(dashes []vg.Length, _ vg.Length) { c.dashes = dashes }

func (c *canvas) SetColor(clr color.Color) { c.ink, _ = clr.(ink) }

func (c *canvas) Stroke(p vg.Path) {
	c.path(p)
	c.out.WriteString(`" fill="none" stroke="currentColor" stroke-width="`)
	c.out.Write(number(nil, c.width))
	for i, d := range c.dashes {
		if i == 0 {
			c.out.WriteString(`" stroke-dasharray="`)
		} else {
			c.out.WriteByte(' ')
		}
		c.out.Write(number(nil, d))
	}
	c.out.WriteString("\"/>\n")
}

func (c *canvas) Fill(p vg.Path) {
	c.path(p)
	c.out.WriteString("\" fill=\"currentColor\"/>\n")
}

// FillString writes a line of text. Its ink says whether pt is where it begins, its middle, or where it ends: the
// browser's font is another than f, which is for measuring alone.
func (c *canvas) FillString(_ font.Face, pt vg.Point, text string) {
	c.out.WriteString(`<text class="` + string(c.ink) + `" x="`)
	c.out.Write(number(nil, pt.X))
	c.out.WriteString(`" y="`)
	c.out.Write(number(nil, -pt.Y))
	c.out.WriteString(`">` + escape(text) + "</text>\n")
}

// path writes an element for p up to its data, whose points are relative to the ones before, in tenths.
func (c *canvas) path(p vg.Path) {
	c.out.WriteString(`<path class="` + string(c.ink) + `" d="`)
	var at [2]int // tenths
	var scratch []byte
	to := func(letter byte, pt vg.Point) {
		x, y := tenths(pt.X), tenths(-pt.Y) // vg counts from the bottom, SVG from the top
		dx, dy := x-at[0], y-at[1]
		at = [2]int{x, y}
		switch {
		case letter == 'l' && dx == 0:
			scratch = tenth(append(scratch[:0], 'v'), dy)
		case letter == 'l' && dy == 0:
			scratch = tenth(append(scratch[:0], 'h'), dx)
		default:
			scratch = tenth(append(scratch[:0], letter), dx)
			if dy >= 0 {
				scratch = append(scratch, ' ')
			}
			scratch = tenth(scratch, dy)
		}
		c.out.Write(scratch)
	}
	for _, part := range p {
		switch part.Type {
		case vg.MoveComp:
			to('m', part.Pos)
		case vg.LineComp:
			to('l', part.Pos)
		case vg.ArcComp: // glyphs have circles alone, and stand at their right end
			r := string(number(nil, part.Radius))
			for _, side := range []string{"-", ""} {
				c.out.WriteString("a" + r + " " + r + " 0 1 0 " + side + string(number(nil, 2*part.Radius)) + " 0")
			}
		case vg.CloseComp:
			c.out.WriteByte('z')
		}
	}
}

func tenths(l vg.Length) int {
	if l < 0 {
		return int(l*10 - 0.5)
	}
	return int(l*10 + 0.5)
}

// tenth appends n tenths.
func tenth(dst []byte, n int) []byte {
	return strconv.AppendFloat(dst, float64(n)/10, 'f', -1, 64)
}

// number appends l with one digit after the point at most.
func number(dst []byte, l vg.Length) []byte { return tenth(dst, tenths(l)) }

// escape returns text as XML has it, without the characters that XML does not have.
func escape(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("report: " + err.Error()) // a Buffer takes everything
	}
	return b.String()
}
