package report

import (
	"math"
	"strconv"
)

// What a plot can show lies between these: beyond, differences and ratios of numbers are none.
const (
	largest  = 1e100
	smallest = 1e-100
)

// scale is an Axis with a range. Values have a measure, which is themselves, their logarithm, or for quantiles the
// number of their nines: -log10(1-q).
type scale struct {
	Axis
	low, high float64 // measures
	step      float64 // of ticks of a linear axis
}

// measureOf returns the measure of v, +Inf for the quantile 1, and whether the axis can show v.
func (a *Axis) measureOf(v float64) (m float64, ok bool) {
	switch {
	case math.IsNaN(v) || math.Abs(v) > largest:
		return 0, false
	case a.Nines:
		return -math.Log10(1 - v), v >= 0 && v <= 1
	case a.Log:
		return math.Log10(v), v >= smallest
	case math.Abs(v) < smallest:
		return 0, true
	}
	return v, true
}

// ends says what the range of a linear axis has beside the values.
type ends uint8

const (
	tight   ends = iota // nothing: time
	rounded             // it ends at ticks, and begins at 0 unless that would make a flat line of everything
	based               // 0, where bars begin
)

// scaleOf returns an axis for values, with about n ticks.
func scaleOf(a Axis, values []float64, e ends, n int) scale {
	s := scale{Axis: a, low: math.Inf(1), high: math.Inf(-1)}
	beyond := false // there is a quantile 1
	for _, v := range values {
		m, ok := a.measureOf(v)
		if ok && math.IsInf(m, 1) {
			beyond = true
		} else if ok {
			s.low, s.high = min(s.low, m), max(s.high, m)
		}
	}
	if s.low > s.high {
		s.low, s.high = 0, 1
	}
	switch {
	case a.Nines:
		s.low = min(s.low, 0)
		s.high = max(s.high, 1)
		if beyond {
			s.high += 0.6 // room for the quantile 1 beside the last that is less
		}
	case a.Log:
		s.decades(e)
	default:
		s.linear(e, n)
	}
	return s
}

// decades makes the range of a logarithmic axis end at powers of ten, or twice or five times one. That of bars begins at
// a power of ten below them all. A tight one stays as it is, where it has a width.
func (s *scale) decades(e ends) {
	if e == tight && s.high-s.low >= 0.1 {
		return
	}
	low, high := oneTwoFive(s.low), -oneTwoFive(-s.high)
	if e == based {
		low, high = math.Floor(s.low-0.1), s.high // the shortest bar is seen, too
	}
	if high-low < 0.1 {
		low, high = math.Floor(low), math.Floor(low)+1
	}
	s.low, s.high = low, high
}

// oneTwoFive returns the logarithm of 1, 2 or 5 times a power of ten that is m or less; for -m, what is more than m,
// since half and a fifth of a power of ten are 5 and 2 times another.
func oneTwoFive(m float64) float64 {
	power := math.Floor(m + 1e-9)
	for _, b := range []float64{5, 2} {
		if at := power + math.Log10(b); at <= m+1e-9 {
			return at
		}
	}
	return power
}

func (s *scale) linear(e ends, n int) {
	if e == based || e == rounded && s.low > 0 && s.high-s.low > s.high/5 {
		s.low, s.high = min(s.low, 0), max(s.high, 0)
	}
	if e == rounded && s.low >= 0 && s.high-s.low <= s.high*1e-9 {
		s.low = 0 // all values are the same
	}
	if size := max(math.Abs(s.low), math.Abs(s.high)); s.high-s.low <= size*1e-9 {
		pad := size / 20
		if size == 0 {
			pad = 1
		}
		if size != 0 || e == tight {
			s.low -= pad
		}
		s.high += pad
	}
	s.step = niceStep((s.high - s.low) / float64(n))
	if e == rounded {
		s.low = math.Floor(s.low/s.step+1e-9) * s.step
		s.high = math.Ceil(s.high/s.step-1e-9) * s.step
	}
}

// niceStep returns 1, 2 or 5 times a power of ten that is least or a little more.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// at returns where v is, 0..1 from the begin of the axis to its end, and whether it has a place.
func (s *scale) at(v float64) (where float64, ok bool) {
	m, ok := s.measureOf(v)
	return min(max((m-s.low)/(s.high-s.low), 0), 1), ok
}

// tick is a place on an axis that has a label.
type tick struct {
	at    float64 // 0..1
	label string
}

// ticks returns about n ticks, from the begin of the axis to its end.
func (s *scale) ticks(n int) []tick {
	switch {
	case s.Nines:
		return s.nines()
	case s.Log:
		return s.powers(n)
	}
	var out []tick
	first, last := math.Ceil(s.low/s.step-1e-9), math.Floor(s.high/s.step+1e-9)
	for i := first; i <= last && len(out) < 100; i++ {
		at := (i*s.step - s.low) / (s.high - s.low)
		out = append(out, tick{min(max(at, 0), 1), stepLabel(i*s.step, s.step, max(math.Abs(s.low), math.Abs(s.high)))})
	}
	return out
}

// nines returns ticks at the quantiles 0, 0.5, 0.9, 0.99 and so on, and at 1 where the axis has room for it.
func (s *scale) nines() []tick {
	add := func(out []tick, m float64, label string) []tick {
		if m < s.low || m > s.high+1e-9 {
			return out
		}
		return append(out, tick{(m - s.low) / (s.high - s.low), label})
	}
	out := add(nil, 0, "0")
	out = add(out, -math.Log10(0.5), "50 %")
	nines := math.Floor(s.high + 1e-9)
	for m := 1.0; m <= min(nines, 15); m++ {
		percent := 100 - math.Pow(10, 2-m)
		out = add(out, m, strconv.FormatFloat(percent, 'f', max(int(m)-2, 0), 64)+" %")
	}
	if s.high-nines > 0.5 {
		out = append(out, tick{1, "max"})
	}
	return out
}

// powers returns ticks at powers of ten, fewer where they are many, and between them where they are few.
func (s *scale) powers(n int) []tick {
	var out []tick
	first, last := math.Ceil(s.low-1e-9), math.Floor(s.high+1e-9)
	stride := max(math.Ceil((last-first+1)/float64(n)), 1)
	between := []float64{1}
	if (last-first+1)*3 <= 2*float64(n) {
		between = []float64{1, 2, 5}
	}
	for p := first - 1; p <= last && len(out) < 300; p++ {
		if math.Mod(p-first, stride) != 0 {
			continue
		}
		for _, b := range between {
			if at := (p + math.Log10(b) - s.low) / (s.high - s.low); at >= -1e-9 && at <= 1+1e-9 {
				out = append(out, tick{min(max(at, 0), 1), powerLabel(b * math.Pow(10, p))})
			}
		}
	}
	return out
}
