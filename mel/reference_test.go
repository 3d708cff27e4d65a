package mel

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// reference makes features by s in float64, as plainly as the definitions read, with gonum's transform. bank is that of s.
func reference(s Spec, bank [][]float64, pcm []float64) [][]float64 {
	emphasized := make([]float64, len(pcm))
	before := 0.0
	for i, x := range pcm {
		x *= s.Gain
		emphasized[i] = x
		if !s.PerFrame {
			emphasized[i] -= s.Preemphasis * before
		}
		before = x
	}
	pad, count := s.FFT/2, 0
	switch {
	case s.Frames == Inside:
		pad = 0
		for count*s.Hop+s.Window <= len(pcm) {
			count++
		}
	case len(pcm) > 0:
		for count*s.Hop-pad+s.FFT <= len(pcm)+pad {
			count++
		}
		if s.Frames == CenteredDropLast {
			count--
		}
	}
	sample := func(i int) float64 {
		for i < 0 || i >= len(emphasized) {
			switch {
			case s.Frames == Inside || s.Padding == Zeros:
				return 0
			case len(emphasized) == 1:
				return emphasized[0]
			case i < 0:
				i = -i
			default:
				i = 2*(len(emphasized)-1) - i
			}
		}
		return emphasized[i]
	}
	oracle := fourier.NewFFT(s.FFT)
	logs := make([][]float64, count)
	largest := math.Inf(-1)
	for f := range logs {
		x := make([]float64, s.FFT)
		begin := 0
		if s.Frames != Inside {
			begin = (s.FFT - s.Window) / 2
		}
		frame := x[begin : begin+s.Window]
		mean := 0.0
		for i := range frame {
			frame[i] = sample(f*s.Hop - pad + begin + i)
			mean += frame[i] / float64(s.Window)
		}
		previous := 0.0
		for i := range frame {
			if s.RemoveDC {
				frame[i] -= mean
			}
			if i == 0 {
				previous = frame[0]
			}
			this := frame[i]
			if s.PerFrame {
				frame[i] -= s.Preemphasis * previous
			}
			previous = this
			frame[i] *= referenceShape(s.Shape, i, s.Window)
		}
		spectrum := oracle.Coefficients(nil, x)
		logs[f] = make([]float64, s.Bands)
		for b := range logs[f] {
			for k, c := range spectrum {
				e := cmplx.Abs(c)
				if s.Spectrum == Power {
					e *= e
				}
				logs[f][b] += bank[b][k] * e
			}
			switch s.Log.Base {
			case Natural:
				logs[f][b] = math.Log(max(logs[f][b], s.Log.Floor))
			case Ten:
				logs[f][b] = math.Log10(max(logs[f][b], s.Log.Floor))
			}
			largest = max(largest, logs[f][b])
		}
	}
	for _, frame := range logs {
		for b, x := range frame {
			if s.Log.Base == LogNone {
				continue
			}
			if s.Log.Range > 0 {
				x = max(x, largest-s.Log.Range)
			}
			x = s.Log.Scale*x + s.Log.Offset
			if s.Log.Min != 0 || s.Log.Max != 0 {
				x = min(max(x, s.Log.Min), s.Log.Max)
			}
			frame[b] = x
		}
	}
	return logs
}

func referenceShape(s Shape, i, n int) float64 {
	switch s {
	case Hann:
		return math.Pow(math.Sin(math.Pi*float64(i)/float64(n)), 2)
	case HannSymmetric:
		return math.Pow(math.Sin(math.Pi*float64(i)/float64(n-1)), 2)
	case Povey:
		return math.Pow(math.Abs(math.Sin(math.Pi*float64(i)/float64(n-1))), 1.7)
	case Hamming:
		return 0.08 + 0.92*math.Pow(math.Sin(math.Pi*float64(i)/float64(n-1)), 2)
	}
	return 1
}

// referenceBank returns the weight of each frequency in each band.
func referenceBank(s Spec) [][]float64 {
	toMel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	toHertz := func(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }
	if s.Scale == Slaney {
		toMel = func(f float64) float64 {
			if f < 1000 {
				return 3 * f / 200
			}
			return 15 + 27*math.Log(f/1000)/math.Log(6.4)
		}
		toHertz = func(m float64) float64 {
			if m < 15 {
				return 200 * m / 3
			}
			return 1000 * math.Pow(6.4, (m-15)/27)
		}
	}
	weight := func(b, k int) float64 {
		step := (toMel(s.High) - toMel(s.Low)) / float64(s.Bands+1)
		f := float64(k) * float64(s.Rate) / float64(s.FFT)
		mel := [3]float64{}
		hz := [3]float64{}
		for i := range mel {
			mel[i] = toMel(s.Low) + step*float64(b+i)
			hz[i] = toHertz(mel[i])
		}
		at, corner := f, hz
		if s.Scale == Kaldi || s.Scale == HTKNative {
			at, corner = toMel(f), mel
			if 2*k == s.FFT {
				return 0
			}
		}
		if s.Scale == HTKNative {
			if k+1 < int(s.Low*float64(s.FFT)/float64(s.Rate)+2.5) || k == 0 || k+1 > int(s.High*float64(s.FFT)/float64(s.Rate)+0.5) {
				return 0
			}
		}
		w := 0.0
		switch {
		case at <= corner[0] || at >= corner[2]:
		case at <= corner[1]:
			w = (at - corner[0]) / (corner[1] - corner[0])
		default:
			w = (corner[2] - at) / (corner[2] - corner[1])
		}
		if s.Norm == Area {
			w *= 2 / (hz[2] - hz[0])
		}
		return w
	}
	rows := make([][]float64, s.Bands)
	for b := range rows {
		for k := range s.FFT/2 + 1 {
			rows[b] = append(rows[b], weight(b, k))
		}
	}
	return rows
}

// randomSpec returns a valid Spec with every kind of every field among them.
func randomSpec(r *rand.Rand) Spec {
	lengths := []int{2, 6, 9, 15, 16, 50, 75, 128, 243, 400, 512, 625, 640, 800, 1024, 1215}
	s := Spec{
		Rate: 8000 + 50*r.IntN(801), FFT: lengths[r.IntN(len(lengths))], Gain: []float64{1, 0.5, 32768}[r.IntN(3)],
		Shape: Shape(r.IntN(len(shapeNames))), Frames: Frames(r.IntN(len(framesNames))), Padding: Padding(r.IntN(len(paddingNames))),
		RemoveDC: r.IntN(2) == 0, Preemphasis: []float64{0, 0.97}[r.IntN(2)], PerFrame: r.IntN(2) == 0,
		Spectrum: Spectrum(r.IntN(len(spectrumNames))), Scale: Scale(r.IntN(len(scaleNames))), Norm: Norm(r.IntN(len(normNames))),
		Bands: 1 + r.IntN(60),
	}
	s.Hop = 1 + r.IntN(s.FFT+s.FFT/2)
	s.Window = max(2, s.FFT-r.IntN(s.FFT))
	s.Low = r.Float64() * 300
	s.High = float64(s.Rate) / 2 * (0.5 + 0.5*r.Float64())
	s.Log = Log{Base: Base(r.IntN(len(baseNames))), Scale: 1, Floor: 1e-10}
	if r.IntN(2) == 0 {
		s.Log.Range = 3
	}
	if r.IntN(3) == 0 {
		s.Log.Scale, s.Log.Offset, s.Log.Min, s.Log.Max = 2, 1, -3, 3
	}
	return s
}

// TestAgainstReference compares random Specs and lengths of sound with the reference. The error of a band's energy is allowed
// to be 2e-6 of what white noise of the frame's energy would be there, or of the energy itself: that is what float32 has.
func TestAgainstReference(t *testing.T) {
	for seed := range uint64(200) {
		r := kerneltest.Rand(seed)
		s := randomSpec(r)
		n := r.IntN(4 * s.FFT)
		x, pcm := make([]float64, n), make([]float32, n)
		for i := range x {
			pcm[i] = float32(math.Sin(float64(i*i)*1e-3)*0.5 + 0.2*r.NormFloat64())
			x[i] = float64(pcm[i])
		}
		m := compile(t, s, Options{})
		bank := referenceBank(s)
		got, want := m.Append(nil, pcm), reference(s, bank, x)
		if len(got) != len(want)*s.Bands || m.Frames(n) != len(want) {
			t.Fatalf("seed %d: %d samples: got %d features, Frames %d, want %d frames of %d", seed, n, len(got), m.Frames(n), len(want), s.Bands)
		}
		linear := s
		linear.Log = Log{}
		energies := reference(linear, bank, x)
		for f, frame := range want {
			for b, w := range frame {
				weights := 0.0
				for _, weight := range bank[b] {
					weights += weight
				}
				// A sample is below 2 here; less than all of them are.
				level := s.Gain * 2 * math.Sqrt(float64(s.FFT))
				if s.Spectrum == Power {
					level *= level
				}
				tolerance := 2e-6 * (level*weights + energies[f][b])
				switch s.Log.Base {
				case Natural:
					tolerance = s.Log.Scale * (tolerance/max(energies[f][b], s.Log.Floor) + 1e-5)
				case Ten:
					tolerance = s.Log.Scale * (tolerance/max(energies[f][b], s.Log.Floor)/math.Ln10 + 1e-5)
				}
				if g := float64(got[f*s.Bands+b]); !(math.Abs(g-w) <= tolerance) {
					t.Fatalf("seed %d: %+v, %d samples: frame %d band %d: got %v, want %v within %g", seed, s, n, f, b, g, w, tolerance)
				}
			}
		}
	}
}
