package cli

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/steadyframe/steadyframe/mel"
)

// Sizes of the plot, in pixels.
const (
	plotWidth, plotHeight        = 1200, 400 // of the features, about
	plotLeft, plotTop            = 64, 16
	plotRight, plotBottom        = 32, 40
	plotTick                     = 5
	plotFontWidth, plotFontAbove = 7, 11 // of basicfont.Face7x13
)

// viridis are colors from low to high that also those tell apart who see few colors, and that get lighter throughout: 9 of matplotlib's.
var viridis = [...][3]float64{
	{68, 1, 84}, {71, 44, 122}, {59, 81, 139}, {44, 113, 142}, {33, 144, 141}, {39, 173, 129}, {92, 200, 99}, {170, 220, 50}, {253, 231, 37},
}

// shade returns the color of x, 0 to 1.
func shade(x float64) color.RGBA {
	at := min(max(x, 0), 1) * float64(len(viridis)-1)
	i := min(int(at), len(viridis)-2)
	mix := func(c int) uint8 {
		return uint8(math.Round(viridis[i][c] + (viridis[i+1][c]-viridis[i][c])*(at-float64(i))))
	}
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// drawMel writes a PNG of features: time to the right, bands upwards, and the largest of them the lightest.
func drawMel(w io.Writer, m *mel.Mel, features []float32) error {
	bands := m.Bands()
	frames := len(features) / bands
	// Frames and bands are whole pixels where there is room; of more frames than pixels, the largest is shown.
	perPixel := (frames + plotWidth - 1) / plotWidth
	columns := (frames + perPixel - 1) / perPixel
	wide, high := max(plotWidth/columns, 1), max(plotHeight/bands, 1)
	area := image.Rect(plotLeft, plotTop, plotLeft+columns*wide, plotTop+bands*high)
	img := image.NewRGBA(image.Rect(0, 0, area.Max.X+plotRight, area.Max.Y+plotBottom))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)

	low, highest := features[0], features[0]
	for _, v := range features {
		low, highest = min(low, v), max(highest, v)
	}
	span := float64(highest-low) + 1e-30
	for c := range columns {
		for b := range bands {
			v := features[c*perPixel*bands+b]
			for f := c * perPixel; f < min((c+1)*perPixel, frames); f++ {
				v = max(v, features[f*bands+b])
			}
			x, y := area.Min.X+c*wide, area.Max.Y-(b+1)*high
			draw.Draw(img, image.Rect(x, y, x+wide, y+high), image.NewUniform(shade(float64(v-low)/span)), image.Point{}, draw.Src)
		}
	}
	pixelsPerSecond := m.FrameRate() / float64(perPixel) * float64(wide)
	drawTimes(img, area, pixelsPerSecond)
	drawFrequencies(img, area, m.Spec(), high)
	return png.Encode(w, img)
}

// drawTimes draws the axis below area: round times, at least 80 pixels apart.
func drawTimes(img *image.RGBA, area image.Rectangle, pixelsPerSecond float64) {
	step := 0.01
	for i := 0; step*pixelsPerSecond < 80; i++ {
		step *= [...]float64{2, 2.5, 2}[i%3]
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	for i := 0; ; i++ {
		x := area.Min.X + int(math.Round(float64(i)*step*pixelsPerSecond))
		if x > area.Max.X {
			break
		}
		draw.Draw(img, image.Rect(x, area.Max.Y, x+1, area.Max.Y+plotTick), image.Black, image.Point{}, draw.Src)
		text := fmt.Sprintf("%.*f s", digits, float64(i)*step)
		drawText(img, text, max(x-len(text)*plotFontWidth/2, 0), area.Max.Y+plotTick+plotFontAbove+3)
	}
}

// drawFrequencies draws the axis beside area: centers of bands, at least 24 pixels apart.
func drawFrequencies(img *image.RGBA, area image.Rectangle, s mel.Spec, high int) {
	every := (24 + high - 1) / high
	for b := 0; b < s.Bands; b += every {
		y := area.Max.Y - b*high - high/2
		draw.Draw(img, image.Rect(area.Min.X-plotTick, y, area.Min.X, y+1), image.Black, image.Point{}, draw.Src)
		text := fmt.Sprintf("%.0f Hz", s.Center(b))
		drawText(img, text, area.Min.X-plotTick-3-len(text)*plotFontWidth, y+plotFontAbove/2-1)
	}
}

// drawText draws text whose first letter's lower left corner is at x, y.
func drawText(img *image.RGBA, text string, x, y int) {
	d := font.Drawer{Dst: img, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
