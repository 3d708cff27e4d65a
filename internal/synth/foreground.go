package synth

import "math"

// forest is a slope of conifers, painted from the farthest to the nearest.
func (p *painter) forest(cv *canvas) {
	crest := p.ridge(0.70, 0.035, 0.9)
	ground := p.noise(0.03)
	p.each(cv, crest, func(x, y float64) rgb {
		return p.floor.scale(1 + 0.5*ground.fbm(x, y*2, 3)).times(p.light)
	})
	r := random{seed: mix(p.seed, 3, 3)}
	const rows = 9
	for row := range rows {
		if p.ctx.Err() != nil {
			return
		}
		depth := float64(row) / (rows - 1) // 0 is the farthest
		height := lerp(0.055, 0.13, depth) * p.h
		spacing := max(height*0.30, 1)
		for x := 0.0; x < float64(p.period); x += spacing * r.between(0.6, 1.5) {
			foot := crest[int(x)] + lerp(0.005, 0.20, depth)*p.h + r.between(-0.01, 0.01)*p.h
			if r.next() < 0.12 {
				continue
			}
			tree := conifer{x: x, foot: foot, height: height * r.between(0.65, 1.15), far: 1 - depth}
			p.conifer(cv, tree, &r)
		}
	}
}

// conifer is one tree.
type conifer struct {
	x, foot, height float64 // on the canvas, in pixels
	far             float64 // 1 for the farthest, 0 for the nearest
}

// conifer paints boughs that droop, in rows from the top down, lit from the left.
func (p *painter) conifer(cv *canvas, c conifer, r *random) {
	tint := r.between(-0.03, 0.03)
	kind := p.trees[mix(p.seed, math.Float64bits(c.x), 4)%uint64(len(p.trees))]
	dark := tinted(kind.dark, tint/2, tint).times(p.light).mix(p.haze, 0.25*c.far)
	lit := tinted(kind.lit, 2*tint, tint).times(p.light).mix(p.haze, 0.22*c.far)
	half := c.height * r.between(0.16, 0.21)
	for dy := 0.0; dy < c.height; dy++ {
		t := dy / c.height
		// Each bough is a saw tooth: wide at its foot, narrow where the next begins.
		tooth := math.Mod(t*9+0.3*math.Sin(t*31+c.x), 1)
		reach := half * (0.08 + 0.92*t) * (0.55 + 0.45*tooth)
		for px := math.Floor(c.x - reach); px <= c.x+reach; px++ {
			side := (px + 0.5 - c.x) / (reach + 0.5)
			light := clamp01(0.42-0.45*side+0.35*tooth-0.3) + 0.28*(r.next()-0.5)
			edge := min(px+1, c.x+reach) - max(px, c.x-reach)
			cv.blend(int(px), int(c.foot-c.height+dy), dark.mix(lit, clamp01(light)), edge)
		}
	}
}

// tinted returns c with a little more red and green.
func tinted(c [3]float64, red, green float64) rgb {
	return rgb{float32(c[0] + red), float32(c[1] + green), float32(c[2])}
}

// meadow is tall grass, painted blade by blade from the farthest to the nearest, with flowers and ripe ears.
func (p *painter) meadow(cv *canvas) {
	crest := p.ridge(0.80, 0.018, 0.8)
	soil, patches := p.noise(0.05), p.noise(0.35)
	p.each(cv, crest, func(x, y float64) rgb {
		return p.soil.scale(0.9 + p.rough*soil.fbm(x, y*3, 3)).times(p.light)
	})
	r := random{seed: mix(p.seed, 4, 4)}
	const rows = 60
	for row := range rows {
		if p.ctx.Err() != nil {
			return
		}
		depth := float64(row) / (rows - 1)
		length := lerp(0.010, 0.085, depth*depth) * p.h
		width := max(length*0.055, 0.7)
		// Rows begin in different places: where blades are few, one below the other would be a line.
		begin := width * (p.spacing - 1) * math.Mod(float64(row)*math.Phi, 1)
		for x := begin; x < float64(p.period); x += width * p.spacing * r.between(0.8, 2.8) {
			foot := crest[int(x)] + lerp(0, 0.27, depth)*p.h + length*0.6
			ripe := clamp01(0.5 + 1.1*patches.fbm(x, foot, 2) + r.between(-0.25, 0.25))
			green := p.grass[0].mix(p.grass[1], r.next())
			straw := p.ripe[0].mix(p.ripe[1], r.next())
			blade := green.mix(straw, ripe).times(p.light)
			long := length * r.between(0.5, 1.3)
			lean := long * r.between(-0.35, 0.5)
			cv.stroke(stroke{x: x, y: foot, dx: lean, dy: long, width: width * 1.6, foot: blade.scale(0.55), tip: blade})
			if r.next() < p.blooms {
				bloom := flower{x: x, y: foot - long, radius: 0.006 * p.h * lerp(0.4, 1.3, depth)}
				bloom.paint(cv, p.light, &r)
			}
		}
	}
}

// petals are the colors of the flowers: poppy, cornflower, ox-eye, mallow.
var petals = [4]rgb{{0.86, 0.20, 0.13}, {0.33, 0.40, 0.82}, {0.97, 0.95, 0.88}, {0.85, 0.50, 0.66}}

// flower is one bloom.
type flower struct{ x, y, radius float64 }

// paint paints a disc with a soft edge and a yellow heart.
func (f flower) paint(cv *canvas, light rgb, r *random) {
	c := petals[int(r.next()*4)].scale(r.between(0.85, 1.05))
	for py := math.Floor(f.y - f.radius); py <= f.y+f.radius; py++ {
		for px := math.Floor(f.x - f.radius); px <= f.x+f.radius; px++ {
			d := math.Hypot(px+0.5-f.x, (py+0.5-f.y)*1.3)
			shade := c.mix(rgb{0.92, 0.75, 0.20}, clamp01(1.2-d/(f.radius*0.35+0.01)))
			cv.blend(int(px), int(py), shade.times(light), clamp01(f.radius+0.5-d))
		}
	}
}
