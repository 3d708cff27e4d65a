package synth

import (
	"context"
	"math"
)

// balloon is a hot-air balloon that drifts across the image, and bobs.
type balloon struct {
	*layer
	x, y   float64 // at frame 0: left edge and top, in pixels
	speed  float64 // pixels a frame
	bob    float64 // pixels up and down
	cycle  float64 // frames a bob
	travel float64 // pixels after which it comes again
}

// fabric is what an envelope is sewn of: two colors, in a cut.
type fabric struct {
	colors [2]rgb
	cut    cut
}

// cut says how the colors of a fabric alternate.
type cut uint8

const (
	stripes cut = iota // from the crown to the mouth
	zigzags            // around
	spirals
)

// fabrics are those of the balloons, from the farthest to the nearest, of even and of odd seeds.
var fabrics = [2][4]fabric{
	{
		{[2]rgb{{0.95, 0.93, 0.86}, {0.20, 0.36, 0.60}}, spirals}, // white and blue
		{[2]rgb{{0.95, 0.76, 0.20}, {0.13, 0.42, 0.42}}, stripes}, // yellow and petrol
		{[2]rgb{{0.48, 0.18, 0.42}, {0.96, 0.66, 0.58}}, spirals}, // plum and salmon
		{[2]rgb{{0.80, 0.14, 0.16}, {0.97, 0.93, 0.84}}, zigzags}, // red and cream
	}, {
		{[2]rgb{{0.80, 0.16, 0.13}, {0.96, 0.80, 0.38}}, stripes}, // red and straw
		{[2]rgb{{0.93, 0.70, 0.55}, {0.98, 0.92, 0.84}}, zigzags}, // skin and cream
		{[2]rgb{{0.12, 0.33, 0.58}, {0.95, 0.94, 0.90}}, stripes}, // blue and white
		{[2]rgb{{0.92, 0.48, 0.12}, {0.36, 0.16, 0.35}}, spirals}, // orange and plum
	},
}

// radii are those of the envelopes in image heights, in the same order.
var radii = [len(fabrics[0])]float64{0.05, 0.07, 0.12, 0.19}

// newBalloons returns the balloons of an image of w x h pixels, from the farthest, smallest to the nearest, or, when ctx
// ends, what was painted of them.
func newBalloons(ctx context.Context, w, h int, seed uint64) []balloon {
	r := random{seed: mix(seed, 5, 5)}
	var bs []balloon
	for i, scale := range radii {
		if ctx.Err() != nil {
			return bs
		}
		radius := scale * float64(h)
		l := paintBalloon(ctx, radius, fabrics[seed%2][i], moodOf(seed).weather)
		b := balloon{layer: l, bob: 0.05 * radius, cycle: r.between(180, 300), travel: float64(w + l.w)}
		place := float64((uint64(i) + seed + 3) % uint64(len(radii))) // from the left: not always the same order
		b.x = b.travel * (place*0.29 + r.between(0.05, 0.2))
		b.y = float64(h) * r.between(0.05, 0.28-0.7*scale)
		b.speed = float64(w) * 0.004 * scale / radii[len(radii)-1]
		bs = append(bs, b)
	}
	return bs
}

// at returns the left edge and the top of b in frame n, in pixels of the image.
func (b *balloon) at(n uint64) (x, y int) {
	t := float64(n)
	left := math.Mod(b.x+b.speed*t, b.travel) - float64(b.w)
	top := b.y + b.bob*math.Sin(2*math.Pi*math.Mod(t, b.cycle)/b.cycle)
	return int(math.Floor(left)), int(math.Floor(top))
}

// paintBalloon paints a balloon whose envelope has that radius, in that weather, until ctx ends.
func paintBalloon(ctx context.Context, radius float64, f fabric, by *weather) *layer {
	cv := newCanvas(int(2.1*radius)+3, int(3.05*radius)+3)
	cx, cy := float64(cv.w)/2, radius*1.03+1
	paintBasket(cv, cx, cy+1.62*radius, radius, by.light)
	for y := range cv.h {
		if ctx.Err() != nil {
			break
		}
		for x := range cv.w {
			// Four samples a pixel, so that stripes have no stairs. Those outside the envelope count as not covered.
			var sum rgb
			hits := 0
			for i := range 4 {
				u, v := (float64(x)+0.25+0.5*float64(i&1)-cx)/radius, (float64(y)+0.25+0.5*float64(i>>1)-cy)/radius
				if half := envelope(v); math.Abs(u) < half {
					c := f.at(u/half, v, by)
					sum = rgb{sum.r + c.r, sum.g + c.g, sum.b + c.b}
					hits++
				}
			}
			if hits > 0 {
				cv.blend(x, y, sum.scale(1/float64(hits)), float64(hits)/4)
			}
		}
	}
	return cv.layer()
}

// envelope returns half the width of a balloon of radius 1, v below its center: a sphere above, a cone that closes
// below.
func envelope(v float64) float64 {
	switch {
	case v < -1 || v > 1.38:
		return 0
	case v < 0.35:
		return math.Sqrt(1 - v*v)
	}
	t := (v - 0.35) / (1.38 - 0.35)
	return lerp(0.9367, 0.17, t*(0.55+0.45*t)) // 0.9367 is the sphere's at 0.35
}

// at returns the color of an envelope at u (-1..1 across) and v: gores with their seams, lit from the upper left,
// and from within by the burner below.
func (f fabric) at(u, v float64, by *weather) rgb {
	longitude := math.Asin(u)/math.Pi + 0.5
	gore := longitude * 10
	pick := int(gore)
	switch f.cut {
	case zigzags:
		pick = int(math.Floor(v*4 + 0.9*math.Abs(math.Mod(gore, 2)-1)))
	case spirals:
		pick = int(math.Floor(v*3.2 + gore))
	}
	c := f.colors[pick&1]
	seam := math.Abs(gore - math.Round(gore))
	depth := math.Sqrt(max(1-u*u, 0))
	light := 0.62*depth - 0.42*u - 0.38*v
	c = c.scale(0.50+0.55*clamp01(0.35+0.65*light)).mix(rgb{0.25, 0.22, 0.35}, 0.18*clamp01(u))
	c = c.mix(rgb{1, 0.98, 0.92}, 0.35*math.Pow(clamp01(light), 6))
	c = c.times(by.light).mix(f.colors[pick&1].times(rgb{1.25, 1.0, 0.7}), by.burner*(0.25+0.65*smoothstep(-1.1, 1.1, v))*(0.6+0.4*depth))
	return c.scale(1 - 0.22*clamp01(1-seam*9))
}

// paintBasket paints the basket whose rim is at x, y, and the ropes up to the envelope's mouth.
func paintBasket(cv *canvas, x, y, radius float64, light rgb) {
	half, height := 0.15*radius, 0.24*radius
	for dy := 0.0; dy < 0.27*radius; dy++ {
		for _, side := range []float64{-1, -0.4, 0.4, 1} {
			px := x + side*(half+(0.03*radius)*dy/(0.27*radius))
			cv.blend(int(math.Floor(px)), int(y-dy), rgb{0.22, 0.16, 0.12}.times(light), 0.7)
		}
	}
	for py := math.Floor(y); py < y+height; py++ {
		for px := math.Floor(x - half); px <= x+half; px++ {
			side := (px + 0.5 - x) / half
			weave := 0.12 * math.Sin(px*2.1) * math.Sin(py*1.7)
			c := rgb{0.47, 0.31, 0.17}.scale(0.9 - 0.35*side + weave)
			if py < y+0.14*height+1 {
				c = rgb{0.60, 0.43, 0.26}.scale(1 - 0.3*side)
			}
			cover := min(px+1, x+half) - max(px, x-half)
			cv.blend(int(px), int(py), c.times(light), cover)
		}
	}
}
