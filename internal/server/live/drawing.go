package live

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// fonts are those of the image of a lost source: the Go fonts.
type fonts struct{ name, note *opentype.Font }

func parseFonts() (f fonts, err error) {
	if f.name, err = opentype.Parse(gomedium.TTF); err != nil {
		return f, err
	}
	f.note, err = opentype.Parse(goregular.TTF)
	return f, err
}

// The colors of the image of a lost source.
var (
	nightTop    = color.RGBA{0x1b, 0x20, 0x29, 0xff}
	nightBottom = color.RGBA{0x10, 0x13, 0x19, 0xff}
	nameColor   = color.RGBA{0xe8, 0xeb, 0xf0, 0xff}
	noteColor   = color.RGBA{0x8b, 0x95, 0xa5, 0xff}
	signColor   = color.RGBA{0x5a, 0x65, 0x77, 0xff}
	strokeColor = color.RGBA{0xe0, 0x8a, 0x3c, 0xff}
)

// drawing draws the image of a lost source.
type drawing struct {
	img   *image.RGBA
	fonts fonts
}

// lost draws a dark image with a crossed-out camera, the stream's name below it, and a note. All sizes follow from
// the image's; text that would be too small to read is left out.
func (d drawing) lost(name, note string) {
	d.night()
	width, height := float64(d.img.Rect.Dx()), float64(d.img.Rect.Dy())
	unit := min(height/9, width/12) // that of a 4:3 image or a wider one is its height's
	center, middle := width/2, height/2

	nameSize := max(unit*0.92, 11)
	nameSize, shown := d.fit(d.fonts.name, name, nameSize, width*0.88)
	noteSize := max(nameSize*0.52, unit*0.46, 9)
	switch {
	case height < 24 || width < 40 || shown == "":
		d.sign(center, middle, min(width, height)*0.36)
	case height < 80:
		d.text(d.fonts.name, shown, nameSize, center, middle+nameSize*0.35, nameColor)
	default:
		d.sign(center, middle-unit*1.3, unit*0.95)
		d.text(d.fonts.name, shown, nameSize, center, middle+unit, nameColor)
		d.text(d.fonts.note, note, noteSize, center, middle+unit*1.1+noteSize*1.5, noteColor)
	}
}

// night fills the image with a gradient from top to bottom.
func (d drawing) night() {
	height := d.img.Rect.Dy()
	for y := range height {
		t := float64(y) / float64(max(height-1, 1))
		c := color.RGBA{mix(nightTop.R, nightBottom.R, t), mix(nightTop.G, nightBottom.G, t), mix(nightTop.B, nightBottom.B, t), 0xff}
		row := d.img.Pix[y*d.img.Stride:][:d.img.Rect.Dx()*4]
		for x := 0; x < len(row); x += 4 {
			row[x], row[x+1], row[x+2], row[x+3] = c.R, c.G, c.B, c.A
		}
	}
}

func mix(a, b uint8, t float64) uint8 {
	return uint8(math.Round(float64(a) + (float64(b)-float64(a))*t))
}

// sign draws a camera, crossed out, r pixels from its center to its edge.
func (d drawing) sign(x, y, r float64) {
	box := image.Rect(int(x-r)-1, int(y-r)-1, int(x+r)+2, int(y+r)+2).Intersect(d.img.Rect)
	if box.Empty() {
		return
	}
	s := shape{vector.NewRasterizer(box.Dx(), box.Dy()), float32(box.Min.X), float32(box.Min.Y)}
	s.roundRect(x-r, y-r*0.58, x+r*0.42, y+r*0.58, r*0.2)
	s.polygon(x+r*0.52, y-r*0.16, x+r, y-r*0.5, x+r, y+r*0.5, x+r*0.52, y+r*0.16)
	s.fill(d.img, box, signColor)
	s.line(x-r*0.82, y-r*0.92, x+r*0.68, y+r*0.92, r*0.36)
	s.fill(d.img, box, nightTop)
	s.line(x-r*0.82, y-r*0.92, x+r*0.68, y+r*0.92, r*0.13)
	s.fill(d.img, box, strokeColor)
}

// fit returns the largest size, at most so many pixels, at which text is at most width pixels wide; below a readable
// size the text is cut instead, and is empty when nothing of it fits.
func (d drawing) fit(f *opentype.Font, text string, size, width float64) (float64, string) {
	const readable = 10
	if w := d.width(f, text, size); w > width {
		size = max(0.98*size*width/w, min(size, readable)) // Widths do not grow quite as sizes do.
	}
	if d.width(f, text, size) <= width {
		return size, text
	}
	for n := len(text) - 1; n > 0; n-- { // Names are ASCII.
		if short := text[:n] + "…"; d.width(f, short, size) <= width {
			return size, short
		}
	}
	return size, ""
}

// width returns the width of text in pixels.
func (d drawing) width(f *opentype.Font, text string, size float64) float64 {
	typeface, err := newTypeface(f, size)
	if err != nil {
		return 0
	}
	defer typeface.Close()
	return float64(font.MeasureString(typeface, text)) / 64
}

// text draws text centered at x, with its baseline at y.
func (d drawing) text(f *opentype.Font, text string, size, x, y float64, c color.RGBA) {
	typeface, err := newTypeface(f, size)
	if err != nil {
		return
	}
	defer typeface.Close()
	width := font.MeasureString(typeface, text)
	drawer := font.Drawer{
		Dst: d.img, Src: image.NewUniform(c), Face: typeface,
		Dot: fixed.Point26_6{X: fixed.Int26_6(x*64) - width/2, Y: fixed.Int26_6(math.Round(y) * 64)},
	}
	drawer.DrawString(text)
}

// newTypeface returns f at so many pixels to the em.
func newTypeface(f *opentype.Font, size float64) (font.Face, error) {
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
}

// shape gathers outlines and fills them, within a box whose corner is at x0, y0.
type shape struct {
	raster *vector.Rasterizer
	x0, y0 float32
}

func (s shape) moveTo(x, y float64) { s.raster.MoveTo(float32(x)-s.x0, float32(y)-s.y0) }
func (s shape) lineTo(x, y float64) { s.raster.LineTo(float32(x)-s.x0, float32(y)-s.y0) }

// curveTo draws a corner at cx, cy that ends at x, y.
func (s shape) curveTo(cx, cy, x, y float64) {
	s.raster.QuadTo(float32(cx)-s.x0, float32(cy)-s.y0, float32(x)-s.x0, float32(y)-s.y0)
}

// polygon adds the outline through points given as x and y by turns.
func (s shape) polygon(xy ...float64) {
	s.moveTo(xy[0], xy[1])
	for i := 2; i < len(xy); i += 2 {
		s.lineTo(xy[i], xy[i+1])
	}
	s.raster.ClosePath()
}

// roundRect adds a rectangle with corners of that radius.
func (s shape) roundRect(left, top, right, bottom, radius float64) {
	s.moveTo(left+radius, top)
	s.lineTo(right-radius, top)
	s.curveTo(right, top, right, top+radius)
	s.lineTo(right, bottom-radius)
	s.curveTo(right, bottom, right-radius, bottom)
	s.lineTo(left+radius, bottom)
	s.curveTo(left, bottom, left, bottom-radius)
	s.lineTo(left, top+radius)
	s.curveTo(left, top, left+radius, top)
	s.raster.ClosePath()
}

// line adds a line of that thickness.
func (s shape) line(x0, y0, x1, y1, thickness float64) {
	dx, dy := x1-x0, y1-y0
	n := thickness / 2 / math.Hypot(dx, dy)
	ox, oy := -dy*n, dx*n
	s.polygon(x0+ox, y0+oy, x1+ox, y1+oy, x1-ox, y1-oy, x0-ox, y0-oy)
}

// fill paints what was added, and begins anew.
func (s shape) fill(img *image.RGBA, box image.Rectangle, c color.RGBA) {
	s.raster.Draw(img, box, image.NewUniform(c), image.Point{})
	s.raster.Reset(box.Dx(), box.Dy())
}
