package main

import (
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing/fstest"

	"github.com/steadyframe/steadyframe/client"
)

// The scene, in pixels: backgrounds of width x height, which are shown in a loop, and a place on each, a square.
const (
	width, height = 640, 360
	backgrounds   = 2 * fps
	placeSide     = 128
	regionSide    = 96 // of what is sent for a place: the size of Wav2Lip's output
)

// sceneFolder returns the files of a scene: its settings, a place for each background, and the backgrounds, here as raw pixels.
func sceneFolder() fs.FS {
	folder := fstest.MapFS{
		"scene.json": {Data: fmt.Appendf(nil, `{"size": "%dx%d", "walk": "loop", "quality": 85, "mask": {"feather": 14}}`, width, height)},
	}
	var places []string
	for n := range backgrounds {
		x, y := place(n)
		places = append(places, fmt.Sprintf(`["%dx%d+%d+%d"]`, placeSide, placeSide, x, y))
		pixels := make([]byte, 3*width*height)
		c := canvas{pixels: pixels, width: width, height: height, scale: 1}
		c.draw(n, mouth{})
		folder[fmt.Sprintf("frames/%03d.rgb24", n)] = &fstest.MapFile{Data: pixels}
	}
	folder["rects.json"] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"frames": [%s]}`, strings.Join(places, ", "))}
	return folder
}

// mouth says what a mouth looks like.
type mouth struct {
	open  float64 // 0: closed, as on the backgrounds, to 1
	width float64 // -1: as for oo, to 1: as for ee
}

// mouthOf returns the mouth of image i. It stands for a model, and takes what models do: a window of features, here 80 bands of 16
// frames. What is loud between 200 and 4,000 Hz opens the mouth (1 of a feature is 12.5 dB), and what is bright makes it wide.
func mouthOf(windows *client.Features, i int) mouth {
	size := windows.Shape[1] * windows.Shape[2]
	if i >= windows.Shape[0] {
		return mouth{} // behind the last window
	}
	window := windows.Values[i*size:][:size]
	mean := func(from, to int) (sum float64) {
		for band := from; band < to; band++ {
			for _, v := range window[16*band:][:4] { // 50 of the window's 200 ms: more would see what comes after the image
				sum += float64(v)
			}
		}
		return sum / float64(4*(to-from))
	}
	low, high := mean(4, 25), mean(25, 60)
	return mouth{
		open:  min(max(0, (low+high)/2+1.6)/1.5, 1),
		width: min(max(-1, (high-low)/0.7), 1),
	}
}

// sway returns where the middle of the head of background n is.
func sway(n int) (x, y float64) {
	sin, cos := math.Sincos(2 * math.Pi * float64(n) / backgrounds)
	return width/2 + 9*sin, 160 + 3*sin*cos
}

// place returns the left upper corner of the place of background n: the mouth is in its middle.
func place(n int) (x, y int) {
	cx, cy := sway(n)
	return int(cx) - placeSide/2, int(cy) + 62 - placeSide/2
}

// drawMouth draws the region for background n.
func drawMouth(region []byte, n int, m mouth) {
	x, y := place(n)
	c := canvas{pixels: region, width: regionSide, height: regionSide, x: float64(x), y: float64(y), scale: float64(placeSide) / regionSide}
	c.draw(n, m)
}

// canvas is RGB pixels of a part of the scene.
type canvas struct {
	pixels        []byte
	width, height int
	x, y          float64 // the left upper corner in the scene
	scale         float64 // pixels of the scene that one of the canvas is wide
}

// color is R, G, B, 0 to 255.
type color [3]float64

// draw draws background n with a mouth: from the wall to the lips, ellipse upon ellipse.
func (c *canvas) draw(n int, m mouth) {
	phase := 2 * math.Pi * float64(n) / backgrounds
	x, y := sway(n)
	skin, shade, hair := color{231, 180, 148}, color{206, 146, 117}, color{62, 41, 35}

	c.ellipse(width/2, height/2, width, width, color{38, 66, 84})
	for i := range 7 { // lights out of focus
		f := float64(i)
		c.ellipse(50+90*f+12*math.Sin(phase+f), 90+60*math.Sin(2.4*f)+8*math.Cos(phase+2*f), 22+3*f, 22+3*f, color{58 + 6*f, 92 + 4*f, 104 - 5*f})
	}
	c.ellipse(x, y-22, 99, 112, hair)
	c.ellipse(width/2, height+60, 200, 125, color{178, 72, 66}) // shoulders
	c.ellipse(x, y+118, 36, 60, shade)                          // neck
	for _, side := range []float64{-1, 1} {
		c.ellipse(x+84*side, y+8, 14, 24, shade) // ear
	}
	c.ellipse(x, y+4, 84, 112, skin)
	c.ellipse(x, y-82, 80, 38, hair)
	for _, side := range []float64{-1, 1} {
		eye, lid := x+34*side, 10*min(1, 14*math.Abs(math.Sin(phase/2-0.6))) // they blink once in a loop
		c.ellipse(eye, y-30, 19, 4, hair)
		c.ellipse(eye, y-8, 15, lid+1, shade)
		c.ellipse(eye, y-8, 14, lid, color{250, 248, 244})
		c.ellipse(eye, y-8, min(7, lid), min(7, lid), color{63, 106, 94})
		c.ellipse(eye, y-8, min(3, lid), min(3, lid), color{20, 22, 24})
		c.ellipse(x+48*side, y+36, 17, 11, color{235, 168, 140}) // cheek
	}
	c.ellipse(x, y+22, 9, 15, shade)
	c.ellipse(x, y+18, 8, 15, skin)

	lips, w, h := color{178, 82, 80}, 27+5*m.width*m.open, 17*m.open
	c.ellipse(x, y+62+h/2, w, 6+h, lips)
	c.ellipse(x, y+62+h/2, w-5, 1+h, color{74, 26, 30})
	if m.open > 0 {
		c.ellipse(x, y+62-h/4, 0.7*w, 0.25*h, color{246, 242, 234}) // teeth
		c.ellipse(x, y+62+1.1*h, 0.55*w, 0.35*h, color{196, 96, 98})
	}
}

// ellipse draws an ellipse around (x, y) of the scene with those radii. Its edge is soft, about a pixel wide.
func (c *canvas) ellipse(x, y, rx, ry float64, ink color) {
	x, y, rx, ry = (x-c.x)/c.scale, (y-c.y)/c.scale, rx/c.scale, ry/c.scale
	if rx <= 0 || ry <= 0 {
		return
	}
	for py := max(0, int(y-ry-1)); py < min(c.height, int(y+ry+2)); py++ {
		for px := max(0, int(x-rx-1)); px < min(c.width, int(x+rx+2)); px++ {
			dx, dy := (float64(px)+0.5-x)/rx, (float64(py)+0.5-y)/ry
			outside := (math.Hypot(dx, dy) - 1) * min(rx, ry) // about the distance from the edge
			cover := min(max(0, 0.5-outside), 1)
			pixel := c.pixels[3*(py*c.width+px):][:3]
			for i := range pixel {
				below := float64(pixel[i])
				pixel[i] = byte(math.Round(below + cover*(ink[i]-below)))
			}
		}
	}
}
