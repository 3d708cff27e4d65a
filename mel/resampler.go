package mel

import (
	"fmt"
	"math"

	kernel "github.com/steadyframe/steadyframe/internal/kernel/mel"
)

// resampler changes the rate of sound by up/down. It is a windowed sinc, one row of taps for each of up phases (Crochiere
// and Rabiner, Multirate Digital Signal Processing, 3.3; Kaiser's window and the formulas for its length and shape:
// Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3).
//
// Of the lower of the two rates' halves, it passes what is below passEdge as it is, and stops what is above 1 by
// attenuation decibels; tests hold it to that. Its delay is none: the filter is symmetric, and so needs half of its taps
// of sound to come.
type resampler struct {
	up, down int
	half     int // taps on either side, a multiple of 8
	taps     []float32
}

const (
	passEdge    = 0.92
	attenuation = 90      // dB
	maxTaps     = 1 << 19 // of all phases: 2 MiB
)

// newResampler returns what makes sound of rate out of sound of rate in, nil when they are the same.
func newResampler(in, out int) (*resampler, error) {
	if in == out {
		return nil, nil
	}
	divisor := gcd(in, out)
	r := &resampler{up: out / divisor, down: in / divisor}
	cut := min(1, float64(out)/float64(in)) // of half the rate in
	transition := math.Pi * cut * (1 - passEdge)
	length := (attenuation - 7.95) / (2.285 * transition)
	r.half = (int(length/2) + 8) / 8 * 8
	if r.up*2*r.half > maxTaps {
		return nil, &SpecError{"input_rate", fmt.Sprintf("got %d, for which %d needs %d phases: want a rate with a larger divisor in common",
			in, out, r.up)}
	}
	cut *= (1 + passEdge) / 2
	const beta = 0.1102 * (attenuation - 8.7)
	for phase := range r.up {
		row := make([]float64, 2*r.half)
		sum := 0.0
		for i := range row {
			x := float64(i-r.half+1) - float64(phase)/float64(r.up)
			row[i] = cut * sinc(cut*x) * bessel0(beta*math.Sqrt(max(0, 1-x*x/float64(r.half*r.half)))) / bessel0(beta)
			sum += row[i]
		}
		for _, tap := range row {
			r.taps = append(r.taps, float32(tap/sum)) // a constant stays what it is
		}
	}
	return r, nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of order zero, by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-17*sum; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

// total returns how many samples n samples become: as many as begin before the end of the last one.
func (r *resampler) total(n int) int {
	return int((int64(n)*int64(r.up) + int64(r.down) - 1) / int64(r.down))
}

// ready returns how many samples can be made of n, when more are to come.
func (r *resampler) ready(n int) int {
	if n <= r.half {
		return 0
	}
	return r.total(n - r.half)
}

// reach returns the range of samples that samples from..to-1 are made of.
func (r *resampler) reach(from, to int) (int, int) {
	return r.base(from) - r.half + 1, r.base(to-1) + r.half + 1
}

// base returns the sample at or before the place of a sample to be made.
func (r *resampler) base(i int) int { return int(int64(i) * int64(r.down) / int64(r.up)) }

// resample sets dst to samples from, from+1 and so on. src has those that reach says.
func (r *resampler) resample(k *kernel.Kernels, dst, src []float32, from int) {
	base, phase := 0, int(int64(from)*int64(r.down)%int64(r.up)) // base is of src
	whole, rest := r.down/r.up, r.down%r.up
	for i := range dst {
		dst[i] = k.Dot(r.taps[phase*2*r.half:][:2*r.half], src[base:][:2*r.half])
		base += whole
		phase += rest
		if phase >= r.up {
			phase -= r.up
			base++
		}
	}
}
