package synth

import "math"

// mix returns a hash of three integers whose bits are all usable: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)
// over a sum with odd multipliers.
func mix(a, b, c uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b*0xc2b2ae3d27d4eb4f + c*0x165667b19e3779f9
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// random is a sequence of numbers that follows from its seed.
type random struct{ seed, n uint64 }

// next returns a number within 0..1, 1 excluded.
func (r *random) next() float64 {
	r.n++
	return float64(mix(r.seed, r.n, 1)>>11) / (1 << 53)
}

// between returns a number within lo..hi.
func (r *random) between(lo, hi float64) float64 { return lo + (hi-lo)*r.next() }

// directions are the gradients of noise: 8 unit vectors, evenly spread.
var directions = [8][2]float64{
	{1, 0}, {math.Sqrt2 / 2, math.Sqrt2 / 2}, {0, 1}, {-math.Sqrt2 / 2, math.Sqrt2 / 2},
	{-1, 0}, {-math.Sqrt2 / 2, -math.Sqrt2 / 2}, {0, -1}, {math.Sqrt2 / 2, -math.Sqrt2 / 2},
}

// noise is gradient noise (Perlin, Improving Noise, 2002) that repeats across, so that a layer may be panned for ever.
type noise struct {
	seed     uint64
	cells    int     // cells of the lattice across one period, in the first octave
	perPixel float64 // cells of the lattice a pixel, in the first octave
}

// newNoise returns noise that repeats after period pixels, of features about size pixels large.
func newNoise(seed uint64, period int, size float64) noise {
	cells := max(int(math.Round(float64(period)/size)), 1)
	return noise{seed: seed, cells: cells, perPixel: float64(cells) / float64(period)}
}

// at returns octave o at the pixel x, y: about -0.7..0.7. Each octave has twice the frequency of the one before.
func (n noise) at(x, y float64, o int) float64 {
	scale := n.perPixel * float64(int(1)<<o)
	x, y = x*scale, y*scale
	fx, fy := math.Floor(x), math.Floor(y)
	x, y = x-fx, y-fy
	ix, iy := int(fx), int(fy)
	a := lerp(n.corner(ix, iy, o, x, y), n.corner(ix+1, iy, o, x-1, y), fade(x))
	b := lerp(n.corner(ix, iy+1, o, x, y-1), n.corner(ix+1, iy+1, o, x-1, y-1), fade(x))
	return lerp(a, b, fade(y))
}

// corner is the share of the lattice point ix, iy at distance x, y from it.
func (n noise) corner(ix, iy, o int, x, y float64) float64 {
	cells := n.cells << o
	ix %= cells
	if ix < 0 {
		ix += cells
	}
	g := &directions[mix(n.seed+uint64(o), uint64(ix), uint64(iy))&7]
	return g[0]*x + g[1]*y
}

// fbm is the sum of the first octaves, each of half the strength of the one before: about -1..1.
func (n noise) fbm(x, y float64, octaves int) float64 {
	sum, strength := 0.0, 1.0
	for o := range octaves {
		sum += strength * n.at(x, y, o)
		strength /= 2
	}
	return sum
}

// ridged is fbm with its zeros made crests: 0..1, as of worn rock (Musgrave's ridged multifractal, simplified).
func (n noise) ridged(x, y float64, octaves int) float64 {
	sum, strength := 0.0, 0.5
	for o := range octaves {
		crest := 1 - 2*math.Abs(n.at(x, y, o))
		sum += strength * crest * crest
		strength /= 2
	}
	return sum
}

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

// fade is the quintic step of improved noise: its second derivative is 0 at both ends.
func fade(t float64) float64 { return t * t * t * (t*(t*6-15) + 10) }

func clamp01(t float64) float64 { return min(max(t, 0), 1) }

// smoothstep rises from 0 at lo to 1 at hi.
func smoothstep(lo, hi, x float64) float64 {
	t := clamp01((x - lo) / (hi - lo))
	return t * t * (3 - 2*t)
}
