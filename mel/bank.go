package mel

import "math"

// hertz and mels are the two directions of a scale.
func (s Scale) mels(hertz float64) float64 {
	if s != Slaney {
		return 1127 * math.Log1p(hertz/700)
	}
	if hertz < slaneyBreak {
		return hertz * 3 / 200
	}
	return slaneyBreak*3/200 + math.Log(hertz/slaneyBreak)/slaneyStep
}

func (s Scale) hertz(mels float64) float64 {
	if s != Slaney {
		return 700 * math.Expm1(mels/1127)
	}
	if mels < slaneyBreak*3/200 {
		return mels * 200 / 3
	}
	return slaneyBreak * math.Exp((mels-slaneyBreak*3/200)*slaneyStep)
}

// The Auditory Toolbox (Slaney, 1998): 15 mels of 66.7 Hz each up to 1000 Hz, then 27 mels for a factor of 6.4.
const (
	slaneyBreak = 1000
	slaneyStep  = 0.068751777420949123 // ln(6.4)/27
)

// Center returns where band b has its peak, in Hz: the end of the band below it, and the beginning of the band above.
func (s Spec) Center(b int) float64 {
	low, high := s.Scale.mels(s.Low), s.Scale.mels(s.High)
	return s.Scale.hertz(low + (high-low)*float64(b+1)/float64(s.Bands+1))
}

// weights returns the filter bank: of each band, a weight for each of FFT/2+1 bins.
func (s *Spec) weights() [][]float64 {
	bins := s.FFT/2 + 1
	width := float64(s.Rate) / float64(s.FFT) // Hz from one bin to the next
	first, end := 0, bins
	straight := func(hertz float64) float64 { return hertz } // what sides are straight in
	if s.Scale == Kaldi || s.Scale == HTKNative {
		straight = s.Scale.mels
		end = (s.FFT + 1) / 2
	}
	if s.Scale == HTKNative {
		first = max(1, int(s.Low/width+1.5))
		end = min(end, int(s.High/width+0.5))
	}
	rows := make([][]float64, s.Bands)
	for b := range rows {
		row := make([]float64, bins)
		left, center, right := s.Center(b-1), s.Center(b), s.Center(b+1)
		peak := 1.0
		if s.Norm == Area {
			peak = 2 / (right - left)
		}
		l, c, r := straight(left), straight(center), straight(right)
		for k := first; k < end; k++ {
			f := straight(float64(k) * width)
			row[k] = peak * max(0, min((f-l)/(c-l), (r-f)/(r-c)))
		}
		rows[b] = row
	}
	return rows
}

// window returns the window, padded with zeros to FFT samples.
func (s *Spec) window() []float64 {
	w := make([]float64, s.FFT)
	begin := 0
	if s.Frames != Inside {
		begin = (s.FFT - s.Window) / 2
	}
	for i := range s.Window {
		w[begin+i] = s.Shape.at(i, s.Window)
	}
	return w
}

// at returns sample i of a window of n samples.
func (s Shape) at(i, n int) float64 {
	periodic := math.Cos(2 * math.Pi * float64(i) / float64(n))
	symmetric := math.Cos(2 * math.Pi * float64(i) / float64(n-1))
	switch s {
	case Hann:
		return 0.5 - 0.5*periodic
	case HannSymmetric:
		return 0.5 - 0.5*symmetric
	case Hamming:
		return 0.54 - 0.46*symmetric
	case Povey:
		return math.Pow(0.5-0.5*symmetric, 0.85)
	}
	return 1
}
