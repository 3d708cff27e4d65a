package synth

import "math"

// rgb is a color, each part 0..1, gamma-encoded as in the image.
type rgb struct{ r, g, b float32 }

func (c rgb) mix(d rgb, t float64) rgb {
	f := float32(t)
	return rgb{c.r + (d.r-c.r)*f, c.g + (d.g-c.g)*f, c.b + (d.b-c.b)*f}
}

func (c rgb) scale(s float64) rgb {
	f := float32(s)
	return rgb{c.r * f, c.g * f, c.b * f}
}

// times returns c in light of the color light.
func (c rgb) times(light rgb) rgb { return rgb{c.r * light.r, c.g * light.g, c.b * light.b} }

// canvas is what a layer is painted on: colors with coverage. It wraps around across, and is clipped above and below.
type canvas struct {
	w, h  int
	color []rgb
	alpha []float32 // 0..1
}

func newCanvas(w, h int) *canvas {
	return &canvas{w: w, h: h, color: make([]rgb, w*h), alpha: make([]float32, w*h)}
}

// blend paints c over the pixel x, y with coverage a.
func (cv *canvas) blend(x, y int, c rgb, a float64) {
	if y < 0 || y >= cv.h || a <= 0 {
		return
	}
	x %= cv.w
	if x < 0 {
		x += cv.w
	}
	i := y*cv.w + x
	a = min(a, 1)
	sum := a + float64(cv.alpha[i])*(1-a)
	cv.color[i] = cv.color[i].mix(c, a/sum)
	cv.alpha[i] = float32(sum)
}

// stroke is a curved line from x, y up to x+dx, y-dy: as wide as width at its foot, pointed at its tip.
type stroke struct {
	x, y, dx, dy, width float64
	foot, tip           rgb
}

// stroke paints s.
func (cv *canvas) stroke(s stroke) {
	steps := int(math.Ceil(s.dy))
	for i := range steps {
		t := (float64(i) + 0.5) / float64(steps)
		half := s.width * (1 - t) / 2
		x, y := s.x+s.dx*t*t, math.Floor(s.y-s.dy*t)
		c := s.foot.mix(s.tip, t)
		for px := math.Floor(x - half); px <= x+half; px++ {
			cv.blend(int(px), int(y), c, min(px+1, x+half)-max(px, x-half))
		}
	}
}
