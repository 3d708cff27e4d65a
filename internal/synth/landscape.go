package synth

import (
	"context"
	"math"
)

// landscape is the scene from the back to the front. Tops and bottoms are parts of the image's height, speeds are
// image widths a frame. Each part covers all that its successor leaves open.
var landscape = []struct {
	top, bottom float64
	speed       float64
	paint       func(*painter, *canvas)
}{
	{0, 0.66, 0.0002, (*painter).sky},
	{0.22, 0.72, 0.0004, (*painter).mountains},
	{0.46, 0.80, 0.0008, (*painter).hills},
	{0.48, 0.92, 0.0016, (*painter).forest},
	{0.72, 1, 0.0032, (*painter).meadow},
}

// painter paints the parts of the landscape, in a mood.
type painter struct {
	ctx context.Context // looked at before each row of anything: once it has ended, nothing more is painted
	mood
	h      float64 // height of the image in pixels
	period int     // width of a layer
	top    int     // row of the image where the canvas begins
	seed   uint64
	salts  uint64
}

// noise returns a new noise with features of about size image heights.
func (p *painter) noise(size float64) noise {
	p.salts++
	return newNoise(mix(p.seed, p.salts, 2), p.period, size*p.h)
}

// ridge returns the row, on the canvas, of a crest line in each column: around the height mid, up to amp above and
// below.
func (p *painter) ridge(mid, amp, size float64) []float64 {
	n := p.noise(size)
	line := make([]float64, p.period)
	for x := range line {
		line[x] = (mid-amp*1.3*n.fbm(float64(x), 0.5, 5))*p.h - float64(p.top)
	}
	return line
}

// each calls color for each pixel of cv that lies below the crest line, with the row of the image, and paints what it
// returns.
func (p *painter) each(cv *canvas, crest []float64, color func(x, y float64) rgb) {
	for y := range cv.h {
		if p.ctx.Err() != nil {
			return
		}
		for x := range cv.w {
			cover := 1.0
			if crest != nil {
				cover = clamp01(float64(y) + 1 - crest[x])
			}
			if cover > 0 {
				cv.blend(x, y, color(float64(x), float64(y+p.top)), cover)
			}
		}
	}
}

// sky is a gradient to a bright horizon, stars, the glow of a low sun, and clouds that it lights.
func (p *painter) sky(cv *canvas) {
	clouds, wisps, stars := p.noise(0.55), p.noise(0.9), p.noise(0.014)
	sunX, sunY := p.sun.x*float64(p.period), p.sun.y*p.h
	p.each(cv, nil, func(x, y float64) rgb {
		t := y / (0.60 * p.h)
		c := p.zenith.mix(p.middle, smoothstep(0, 0.65, t)).mix(p.horizon, smoothstep(0.45, 1.05, t))
		dx, dy := math.Remainder(x-sunX, float64(p.period))/p.h, (y-sunY)/p.h
		d2 := dx*dx + dy*dy
		c = c.mix(rgb{1, 1, 1}, p.stars*smoothstep(0.50, 0.62, stars.at(x, y, 0))*(1-t))
		c = c.mix(p.sun.glow, p.sun.near*math.Exp(-d2*9)+p.sun.far*math.Exp(-d2*1.5))
		c = c.mix(p.sun.disc, clamp01((p.sun.radius-math.Sqrt(d2))*p.h))
		// Clouds are wide and flat; the side towards the sun is bright, the other violet-gray.
		thick := clouds.fbm(x, y*2.2, 5)
		lit := clamp01(0.55 + 1.6*(thick-clouds.fbm(x-0.02*p.h, y*2.2-0.05*p.h, 4)))
		cover := smoothstep(0.02, 0.55, thick+p.overcast-0.25*t) * 0.92
		c = c.mix(p.clouds[0].mix(p.clouds[1], lit), cover)
		streak := smoothstep(0.15, 0.8, wisps.fbm(x, y*7, 4)) * smoothstep(0.2, 0.8, t) * 0.45
		return c.mix(p.streaks, streak)
	})
}

// mountains are bare rock with snow on their crests, behind haze that thickens downwards.
func (p *painter) mountains(cv *canvas) {
	crest := p.ridge(0.43, 0.16, 0.62)
	rock, patch := p.noise(0.20), p.noise(0.06)
	step := 0.010 * p.h
	p.each(cv, crest, func(x, y float64) rgb {
		// The rock's folds lean, as strata do.
		fx, fy := x+0.5*y, y*1.3
		here := rock.ridged(fx, fy, 5)
		shade := clamp01(0.45 + 3.0*(here-rock.ridged(fx+step, fy+step, 5)))
		c := rgb{0.27, 0.28, 0.38}.mix(rgb{0.78, 0.64, 0.56}, shade)
		height := 0.47 + p.snow - y/p.h + 0.05*patch.fbm(x, y, 3)
		snow := smoothstep(0.02, 0.07, height+0.10*(here-0.45))
		c = c.mix(rgb{0.66, 0.73, 0.89}.mix(rgb{1, 0.96, 0.92}, shade), snow*0.9)
		return c.times(p.light).mix(p.haze, 0.22+0.60*smoothstep(0.34, 0.60, y/p.h))
	})
}

// hills are wooded slopes, blue with distance, with meadows and the shadows of clouds.
func (p *painter) hills(cv *canvas) {
	crest := p.ridge(0.575, 0.055, 0.6)
	crowns, fields, shadow := p.noise(0.016), p.noise(0.20), p.noise(0.5)
	p.each(cv, crest, func(x, y float64) rgb {
		crown := crowns.fbm(x, y*1.6, 3)
		c := p.woods[0].mix(p.woods[1], clamp01(0.45+0.75*crown))
		open := smoothstep(0.10, 0.22, fields.fbm(x, y*2.5, 3))
		c = c.mix(p.fields.scale(1+0.10*crown), open)
		c = c.scale(1 - 0.35*smoothstep(-0.1, 0.4, shadow.fbm(x, y*3, 2)))
		return c.times(p.light).mix(p.haze, 0.42-0.25*smoothstep(0.52, 0.72, y/p.h))
	})
}
