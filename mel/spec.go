package mel

import (
	"fmt"
	"math"
	"strings"

	"github.com/steadyframe/steadyframe/internal/kernel/fft"
)

// Spec defines features. No field has a default: begin with a [Preset].
type Spec struct {
	Rate        int      `json:"rate" yaml:"rate"`               // samples a second, 8000..48000
	FFT         int      `json:"fft" yaml:"fft"`                 // samples of a transform: 2..4096, a product of 2, 3 and 5
	Hop         int      `json:"hop" yaml:"hop"`                 // samples from one frame to the next, 1..Rate
	Window      int      `json:"window" yaml:"window"`           // samples of a frame, 2..FFT; padded with zeros to FFT: on both sides where frames are centered, else behind
	Shape       Shape    `json:"shape" yaml:"shape"`             // of the window
	Frames      Frames   `json:"frames" yaml:"frames"`           // where frames are, and how many
	Padding     Padding  `json:"padding" yaml:"padding"`         // what is beyond the ends of the sound, where frames are centered
	Gain        float64  `json:"gain" yaml:"gain"`               // samples are multiplied by it: 1, or 32768 for models made with integers
	RemoveDC    bool     `json:"remove_dc" yaml:"remove_dc"`     // take each frame's mean from its samples
	Preemphasis float64  `json:"preemphasis" yaml:"preemphasis"` // 0..1: y[i] = x[i] - Preemphasis*x[i-1], with 0 before the first sample
	PerFrame    bool     `json:"per_frame" yaml:"per_frame"`     // pre-emphasis begins anew in each frame, with x[-1] = x[0]
	Spectrum    Spectrum `json:"spectrum" yaml:"spectrum"`
	Scale       Scale    `json:"scale" yaml:"scale"` // of mels
	Norm        Norm     `json:"norm" yaml:"norm"`   // of bands
	Bands       int      `json:"bands" yaml:"bands"` // 1..512
	Low         float64  `json:"low" yaml:"low"`     // Hz, where the first band begins: 0..High
	High        float64  `json:"high" yaml:"high"`   // Hz, where the last band ends: to Rate/2
	Log         Log      `json:"log" yaml:"log"`
}

// Log defines how a band's energy e becomes a feature:
//
//	x = log(max(e, Floor)) in the Base
//	x = max(x, m - Range), m being the largest x of all bands and frames; skipped if Range is 0
//	feature = min(max(Scale*x + Offset, Min), Max); not clamped if Min and Max are both 0
//
// With LogNone, features are the energies, and the other fields have no effect.
//
// A Stream does not know later frames: there, m is the largest x of this frame and those before.
type Log struct {
	Base   Base    `json:"base" yaml:"base"`
	Floor  float64 `json:"floor" yaml:"floor"` // at least 1e-37
	Range  float64 `json:"range" yaml:"range"`
	Scale  float64 `json:"scale" yaml:"scale"`
	Offset float64 `json:"offset" yaml:"offset"`
	Min    float64 `json:"min" yaml:"min"`
	Max    float64 `json:"max" yaml:"max"`
}

// Shape is the shape of a window of n samples.
type Shape uint8

// The shapes.
const (
	Hann          Shape = iota // periodic: 0.5 - 0.5 cos(2 pi i/n), as for transforms
	HannSymmetric              // 0.5 - 0.5 cos(2 pi i/(n-1))
	Hamming                    // symmetric: 0.54 - 0.46 cos(2 pi i/(n-1)), as in HTK and Kaldi
	Povey                      // Kaldi's: the symmetric Hann to the power of 0.85
	Rectangular                // 1
)

// Frames is a rule for where frames are.
type Frames uint8

// The rules.
const (
	Centered         Frames = iota // frame i is centered on sample i*Hop, and there is one for each such sample, and for the end
	CenteredDropLast               // the same without the last frame: Whisper
	Inside                         // frame i begins at sample i*Hop, and lies inside the sound: Kaldi with snip_edges, HTK
)

// Padding is what lies beyond the ends of the sound.
type Padding uint8

// The paddings.
const (
	Reflect Padding = iota // the sound, reflected at its first and last sample
	Zeros                  // silence
)

// Spectrum is what bands add up.
type Spectrum uint8

// The spectra.
const (
	Power     Spectrum = iota // |X|^2
	Magnitude                 // |X|
)

// Scale is a definition of the mel and of the bands. Bands are triangles whose centers are equally spaced in mels; each
// reaches from the center of the band below it to the center of the band above.
type Scale uint8

// The scales.
const (
	Slaney    Scale = iota // linear up to 1000 Hz, then logarithmic (Auditory Toolbox); triangles are straight in Hz: librosa
	HTKHertz               // 2595 log10(1 + f/700); triangles are straight in Hz: librosa with htk=True, torchaudio
	Kaldi                  // 1127 ln(1 + f/700), the same scale; triangles are straight in mels; the bin at Rate/2 is in no band
	HTKNative              // as Kaldi, without the bins that are less than half a bin above Low or below High: HTK (HSigP.c, InitFBank)
)

// Norm is what bands are divided by.
type Norm uint8

// The norms.
const (
	Unit Norm = iota // nothing: the peak of a triangle is 1
	Area             // half the width in Hz: the area of a triangle is 1 (librosa's norm="slaney")
)

// Base is the base of logarithms.
type Base uint8

// The bases.
const (
	LogNone Base = iota // no logarithm
	Natural
	Ten
)

// presets are what models and libraries define; docs/mel.md says where.
var presets = []struct {
	name string
	spec Spec
}{
	{"wav2lip", Spec{
		Rate: 16000, FFT: 800, Hop: 200, Window: 800, Gain: 1, Preemphasis: 0.97, Spectrum: Magnitude,
		Norm: Area, Bands: 80, Low: 55, High: 7600,
		// 20 log10(e) - 20 are decibels S; 8 (S + 100)/100 - 4.
		Log: Log{Base: Ten, Floor: 1e-5, Scale: 1.6, Offset: 2.4, Min: -4, Max: 4},
	}},
	{"whisper80", whisper(80)},
	{"whisper128", whisper(128)},
	{"kaldi", Spec{
		Rate: 16000, FFT: 512, Hop: 160, Window: 400, Shape: Povey, Frames: Inside, Gain: 1 << 15,
		RemoveDC: true, Preemphasis: 0.97, PerFrame: true, Scale: Kaldi, Bands: 80, Low: 20, High: 8000,
		Log: Log{Base: Natural, Floor: 0x1p-23, Scale: 1}, // the epsilon of float
	}},
	{"htk", Spec{
		Rate: 16000, FFT: 512, Hop: 160, Window: 400, Shape: Hamming, Frames: Inside, Gain: 1 << 15,
		Preemphasis: 0.97, PerFrame: true, Scale: HTKNative, Bands: 26, Low: 20, High: 8000,
		Log: Log{Base: Natural, Floor: 1, Scale: 1},
	}},
	{"librosa", Spec{
		Rate: 22050, FFT: 2048, Hop: 512, Window: 2048, Padding: Zeros, Gain: 1, Norm: Area, Bands: 128, High: 11025,
		Log: Log{Base: Ten, Floor: 1e-10, Range: 8, Scale: 10},
	}},
}

func whisper(bands int) Spec {
	return Spec{
		Rate: 16000, FFT: 400, Hop: 160, Window: 400, Frames: CenteredDropLast, Gain: 1, Norm: Area, Bands: bands, High: 8000,
		Log: Log{Base: Ten, Floor: 1e-10, Range: 8, Scale: 0.25, Offset: 1},
	}
}

// Presets returns the names that Preset knows.
func Presets() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// Preset returns a known Spec: "wav2lip", "whisper80", "whisper128", "kaldi", "htk" or "librosa". The error, for any other
// name, is a *SpecError.
func Preset(name string) (Spec, error) {
	for _, p := range presets {
		if p.name == name {
			return p.spec, nil
		}
	}
	return Spec{}, &SpecError{"preset", fmt.Sprintf("got %q, want one of %s", name, strings.Join(Presets(), ", "))}
}

// SpecError says which field of a Spec, or which option or argument, is wrong.
type SpecError struct {
	Field  string // by its name in JSON
	Reason string // what was found, and what is valid
}

func (e *SpecError) Error() string { return "mel: " + e.Field + ": " + e.Reason }

const (
	minRate, maxRate = 8000, 48000
	maxBands         = 512
	maxGain          = 1 << 16
	minFloor         = 1e-37 // above the smallest normal float32
)

// Validate returns a *SpecError for the first field that Compile would refuse.
func (s Spec) Validate() error {
	for _, f := range []struct {
		name      string
		got       int
		low, high int
	}{
		{"rate", s.Rate, minRate, maxRate},
		{"fft", s.FFT, 2, fft.MaxSize},
		{"hop", s.Hop, 1, s.Rate},
		{"window", s.Window, 2, s.FFT},
		{"shape", int(s.Shape), 0, len(shapeNames) - 1},
		{"frames", int(s.Frames), 0, len(framesNames) - 1},
		{"padding", int(s.Padding), 0, len(paddingNames) - 1},
		{"spectrum", int(s.Spectrum), 0, len(spectrumNames) - 1},
		{"scale", int(s.Scale), 0, len(scaleNames) - 1},
		{"norm", int(s.Norm), 0, len(normNames) - 1},
		{"bands", s.Bands, 1, maxBands},
		{"log.base", int(s.Log.Base), 0, len(baseNames) - 1},
	} {
		if f.got < f.low || f.got > f.high {
			return &SpecError{f.name, fmt.Sprintf("got %d, want %d..%d", f.got, f.low, f.high)}
		}
	}
	if !fft.Valid(s.FFT) {
		return &SpecError{"fft", fmt.Sprintf("got %d, want a number without prime factors above 5, such as 400, 512 or 800", s.FFT)}
	}
	nyquist := float64(s.Rate) / 2
	ranges := []floatRange{
		{"gain", s.Gain, math.SmallestNonzeroFloat32, maxGain},
		{"preemphasis", s.Preemphasis, 0, 1},
		{"high", s.High, 0, nyquist},
		{"low", s.Low, 0, s.High},
	}
	if s.Log.Base != LogNone {
		ranges = append(ranges, s.Log.ranges()...)
	}
	for _, f := range ranges {
		if !(f.got >= f.low && f.got <= f.high) { // NaN, too
			return &SpecError{f.name, fmt.Sprintf("got %g, want %g..%g", f.got, f.low, f.high)}
		}
	}
	if s.Low == s.High {
		return &SpecError{"low", fmt.Sprintf("got %g, want less than high, which is the same", s.Low)}
	}
	return nil
}

type floatRange struct {
	name      string
	got       float64
	low, high float64
}

func (l *Log) ranges() []floatRange {
	const most = 1e6 // far from where float32 ends
	return []floatRange{
		{"log.floor", l.Floor, minFloor, most},
		{"log.range", l.Range, 0, most},
		{"log.scale", l.Scale, 1e-6, most},
		{"log.offset", l.Offset, -most, most},
		{"log.min", l.Min, -most, l.Max},
		{"log.max", l.Max, l.Min, most},
	}
}
