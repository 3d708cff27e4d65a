// Package fft transforms frames of real samples: many frames at once, one in each lane of a vector. So a butterfly needs
// no shuffles, and a frame's results are the same bit for bit for any number of lanes, in assembly and in plain Go.
//
// Memory of vectors is laid out as element*lanes + lane, in float32. An element of a transform is a complex number: two
// vectors, first the real part.
package fft

import (
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// MaxSize is the largest length of a frame.
const MaxSize = 4096

// Valid reports whether frames of n samples can be transformed: 2 <= n <= MaxSize, and no prime factor above 5.
func Valid(n int) bool {
	if n < 2 || n > MaxSize {
		return false
	}
	for _, f := range [...]int{2, 3, 5} {
		for n%f == 0 {
			n /= f
		}
	}
	return n == 1
}

// Plan is the transform of frames of one length. It does not change and may be used from any number of goroutines.
//
// Frames of an even length n are transformed as n/2 complex numbers whose parts are the even and the odd samples; Power and
// Magnitude take the two halves apart (Numerical Recipes, 3rd edition, 12.3.2). Frames of an odd length are complex
// numbers without imaginary parts.
//
// The transform decimates in time: Frames puts samples in the order of their reversed digits, and each pass works in place
// (Van Loan, Computational Frameworks for the FFT, 1.3 and 2.1).
type Plan struct {
	k       Kernels
	n       int     // samples of a frame
	size    int     // complex numbers of a transform
	order   []int32 // of each complex number in the order of time: the bytes before its place
	passes  []pass
	halving []float32 // cos and sin of 2 pi k/n for 0 <= k <= size/2: of even lengths
}

// pass makes transforms of radix*length numbers out of radix transforms of length numbers each.
type pass struct {
	radix, length int
	twiddles      []float32 // of each place in a transform, radix-1 complex numbers; none where length is 1
}

// NewPlan returns the transform of frames of n samples, which must be Valid, with kernels of at most the level limit.
func NewPlan(n int, limit impl.Level) *Plan {
	if !Valid(n) {
		panic("fft: length of frames is not valid")
	}
	p := &Plan{k: Implementations.Best(limit).Kernels, n: n, size: n}
	if n%2 == 0 {
		p.size = n / 2
		for k := range p.size/2 + 1 {
			sin, cos := turn(k, n)
			p.halving = append(p.halving, cos, sin)
		}
	}
	length := 1
	for _, radix := range radices(p.size) {
		ps := pass{radix: radix, length: length}
		for j := range length {
			for k := 1; k < radix && length > 1; k++ {
				sin, cos := turn(j*k, length*radix)
				ps.twiddles = append(ps.twiddles, cos, -sin)
			}
		}
		p.passes = append(p.passes, ps)
		length *= radix
	}
	p.order = make([]int32, p.size)
	for i := range p.order {
		place, rest, block := 0, i, p.size
		for j := len(p.passes) - 1; j >= 0; j-- { // the last pass takes numbers apart by their lowest digit
			radix := p.passes[j].radix
			block /= radix
			place += rest % radix * block
			rest /= radix
		}
		p.order[i] = int32(place * 2 * p.k.lanes * 4)
	}
	return p
}

// radices returns the factors of n, in the order of their passes.
func radices(n int) []int {
	var r []int
	for _, f := range [...]int{4, 2, 3, 5} {
		for n%f == 0 {
			r = append(r, f)
			n /= f
		}
	}
	return r
}

// turn returns sin and cos of 2 pi k/n. It works in the first eighth of the circle, so that what is exact comes out exact.
func turn(k, n int) (sin, cos float32) {
	k %= n
	switch {
	case 2*k > n:
		s, c := turn(n-k, n)
		return -s, c
	case 4*k > n:
		s, c := turn(n-2*k, 2*n) // of pi - x
		return s, -c
	case 8*k > n:
		s, c := turn(n-4*k, 4*n) // of pi/2 - x
		return c, s
	}
	s, c := math.Sincos(2 * math.Pi * float64(k) / float64(n))
	return float32(s), float32(c)
}

// Lanes returns how many frames are transformed at once.
func (p *Plan) Lanes() int { return p.k.lanes }

// Bins returns how many bins a spectrum has: n/2+1.
func (p *Plan) Bins() int { return p.n/2 + 1 }

// WorkSize returns the length of work, in float32, that the methods need.
func (p *Plan) WorkSize() int { return 2 * p.k.lanes * (p.size + 1) }

// Frames puts a frame into each lane of work: in lane l, sample i is (src[l*hop+i] - shift[l]) * window[i]. src has n
// samples from the beginning of the last frame on, window has n, and shift has one number for each lane.
func (p *Plan) Frames(work, src []float32, hop int, window, shift []float32) {
	k := &p.k
	window, shift, work = window[:p.n], shift[:k.lanes], work[:p.WorkSize()]
	src = src[:(k.lanes-1)*hop+p.n]
	if p.n%2 != 0 {
		oddFrames(work, src, hop, window, shift, p.order)
		return
	}
	done := 0
	if quads := p.n / 4; k.frames != nil && quads > 0 {
		k.frames(&work[0], &src[0], &window[0], &shift[0], &p.order[0], hop, quads)
		done = 4 * quads
	}
	frames(work, src, hop, window, shift, p.order, done)
}

// At returns where sample i of the frame in a lane is in work.
func (p *Plan) At(i, lane int) int {
	if p.n%2 != 0 {
		return int(p.order[i])/4 + lane
	}
	return int(p.order[i/2])/4 + i%2*p.k.lanes + lane
}

// Transform transforms the frames in work.
func (p *Plan) Transform(work []float32) {
	k, lanes := &p.k, p.k.lanes
	work = work[:p.WorkSize()]
	for i := range p.passes {
		ps := &p.passes[i]
		blocks := p.size / (ps.radix * ps.length)
		switch {
		case ps.length == 1 && k.first[ps.radix] != nil:
			k.first[ps.radix](&work[0], blocks)
		case ps.length > 1 && k.pass[ps.radix] != nil:
			k.pass[ps.radix](&work[0], &ps.twiddles[0], ps.length, blocks)
		default:
			plain(work, ps, blocks, lanes)
		}
	}
	copy(work[2*lanes*p.size:], work[:2*lanes]) // bins go round, and Power takes them by pairs
}

// Scale is what the results of Power are multiplied by, and those of Magnitude by its root: 4 where a frame's length is
// even, else 1. The caller puts it into its weights.
func (p *Plan) Scale() float64 {
	if p.n%2 != 0 {
		return 1
	}
	return 4
}

// Power sets dst to |X|^2, times Scale, of each bin: Bins vectors.
func (p *Plan) Power(dst, work []float32) { p.spectrum(dst, work, p.k.power, false) }

// Magnitude sets dst to |X|, times the root of Scale, of each bin: Bins vectors.
func (p *Plan) Magnitude(dst, work []float32) { p.spectrum(dst, work, p.k.magnitude, true) }

func (p *Plan) spectrum(dst, work []float32, kernel func(dst, work, halving *float32, size int), root bool) {
	dst, work = dst[:p.Bins()*p.k.lanes], work[:p.WorkSize()]
	switch {
	case p.n%2 != 0:
		oddSpectrum(dst, work, p.k.lanes, root)
	case kernel != nil:
		kernel(&dst[0], &work[0], &p.halving[0], p.size)
	default:
		spectrum(dst, work, p.halving, p.size, p.k.lanes, root)
	}
}
