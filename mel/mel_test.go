package mel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/kernel/fft"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// noise returns n samples of white noise.
func noise(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 0.5 * (2*r.Float32() - 1)
	}
	return x
}

// pcm16 returns the samples, rounded, as bytes, and what those bytes are as floats.
func pcm16(x []float32) (pcm []byte, f32 []float32) {
	for _, v := range x {
		i := int16(math.RoundToEven(float64(v) * (1 << 15)))
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(i))
		f32 = append(f32, float32(i)/(1<<15))
	}
	return pcm, f32
}

// TestSine wants the largest feature of a tone in the band whose center is nearest to it, in mels.
func TestSine(t *testing.T) {
	for _, name := range Presets() {
		s := preset(t, name)
		m := compile(t, s, Options{})
		low, high := s.Scale.mels(s.Low), s.Scale.mels(s.High)
		for hertz := 200.0; hertz < 0.85*float64(s.Rate)/2; hertz *= 1.13 {
			pcm := make([]float32, s.Rate/5)
			for i := range pcm {
				pcm[i] = float32(0.3 * math.Sin(2*math.Pi*hertz*float64(i)/float64(s.Rate)))
			}
			features := m.Append(nil, pcm)
			frame := features[len(features)/m.Bands()/2*m.Bands():][:m.Bands()]
			at := 0
			for b, x := range frame {
				if x > frame[at] {
					at = b
				}
			}
			// Low bands are narrower than a transform can tell apart.
			center := s.Scale.hertz(low + (high-low)*float64(at+1)/float64(s.Bands+1))
			width := s.Scale.hertz(low+(high-low)*float64(at+2)/float64(s.Bands+1)) - center
			if math.Abs(center-hertz) > width+float64(s.Rate)/float64(s.FFT) {
				t.Errorf("%s: %.0f Hz: got the largest feature in band %d around %.0f Hz", name, hertz, at, center)
			}
		}
	}
}

// TestImpulse: the spectrum of an impulse is flat, so an energy is the impulse times the window there, times the weights.
func TestImpulse(t *testing.T) {
	s := preset(t, "whisper80")
	s.Log = Log{}
	s.Spectrum = Magnitude
	m := compile(t, s, Options{})
	pcm := make([]float32, 1600)
	pcm[850] = 0.5 // frame 5 is centered on 800
	got := m.Append(nil, pcm)[5*80:][:80]
	window := 0.5 - 0.5*math.Cos(2*math.Pi*250/400)
	for b, row := range referenceBank(s) {
		sum := 0.0
		for _, w := range row {
			sum += w
		}
		if want := 0.5 * window * sum; math.Abs(float64(got[b])-want) > 1e-6*want {
			t.Errorf("band %d: got %v, want %v", b, got[b], want)
		}
	}
}

// TestSilence wants the floor.
func TestSilence(t *testing.T) {
	wants := map[string]float64{
		"wav2lip": -4, "whisper80": -1.5, "whisper128": -1.5, "kaldi": math.Log(math.Pow(2, -23)), "htk": 0, "librosa": -100,
	}
	for _, name := range Presets() {
		m := compile(t, preset(t, name), Options{})
		for _, x := range m.Append(nil, make([]float32, 3000)) {
			if math.Abs(float64(x)-wants[name]) > 1e-5 {
				t.Fatalf("%s: got %v, want %v", name, x, wants[name])
			}
		}
	}
}

// TestOddSamples: NaN is silence, and what is too large is clamped, so that features are those of such samples, and finite.
func TestOddSamples(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	odd := []float32{nan, inf, -inf, 3e38, -3e38, 1e-40, -1e-45, 1 << 20, 1<<20 + 1}
	clean := []float32{0, 1 << 20, -1 << 20, 1 << 20, -1 << 20, 0, 0, 1 << 20, 1 << 20}
	for _, name := range Presets() {
		for _, rate := range []int{0, 44100} {
			s := preset(t, name)
			if s.Rate == 22050 && rate == 44100 {
				rate = 16000
			}
			m := compile(t, s, Options{InputRate: rate})
			r := kerneltest.Rand(3)
			x := noise(r, 6000)
			y := append([]float32(nil), x...)
			for range 50 {
				at, i := r.IntN(len(x)), r.IntN(len(odd))
				x[at], y[at] = odd[i], clean[i]
			}
			got := m.Append(nil, x)
			same(t, name, got, m.Append(nil, y))
			stream := m.Stream()
			streamed := stream.Flush(stream.Append(nil, x))
			stream.Close()
			for _, features := range [][]float32{got, streamed} {
				for i, v := range features {
					if v != v || v-v != 0 {
						t.Fatalf("%s: feature %d: got %v", name, i, v)
					}
				}
			}
		}
	}
}

// TestLargestStaysFinite: the largest samples at the largest gain.
func TestLargestStaysFinite(t *testing.T) {
	s := preset(t, "kaldi")
	s.FFT, s.Window, s.Gain, s.Shape, s.Preemphasis = fft.MaxSize, fft.MaxSize, maxGain, Rectangular, 1
	s.Log = Log{}
	for _, per := range []bool{false, true} {
		s.PerFrame = per
		m := compile(t, s, Options{})
		pcm := make([]float32, 2*fft.MaxSize)
		for i := range pcm {
			pcm[i] = float32(math.Inf(1 - i%2*2))
		}
		for i, v := range m.Append(nil, pcm) {
			if v != v || v-v != 0 {
				t.Fatalf("feature %d: got %v", i, v)
			}
		}
	}
}

// TestTinySamples: what is 240 dB below full scale is silence, denormals among it, and what is above is sound.
func TestTinySamples(t *testing.T) {
	s := preset(t, "whisper80")
	s.Log = Log{}
	s.Spectrum = Magnitude
	m := compile(t, s, Options{})
	x := noise(kerneltest.Rand(5), 4000)
	scaled := func(by float32) []float32 {
		y := make([]float32, len(x))
		for i := range x {
			y[i] = x[i] * by
		}
		return m.Append(nil, y)
	}
	full, small := scaled(1), scaled(0x1p-20)
	for i := range full {
		if want := full[i] * 0x1p-20; math.Abs(float64(small[i]-want)) > 1e-4*float64(want) {
			t.Fatalf("feature %d of samples of 2^-20: got %v, want %v", i, small[i], want)
		}
	}
	for _, by := range []float32{0x1p-41, 0x1p-100, 0x1p-130, 0x1p-149} {
		for i, v := range scaled(by) {
			if v != 0 {
				t.Fatalf("feature %d of samples of %g: got %v, want 0", i, by, v)
			}
		}
	}
}

func TestShortSounds(t *testing.T) {
	frames := map[string][]int{ // of 0, 1, 100, 399, 400, 401, 559, 560, 1000 samples
		"wav2lip":   {0, 1, 1, 2, 3, 3, 3, 3, 6},
		"whisper80": {0, 0, 0, 2, 2, 2, 3, 3, 6},
		"kaldi":     {0, 0, 0, 0, 1, 1, 1, 2, 4},
		"librosa":   {0, 1, 1, 1, 1, 1, 2, 2, 2},
	}
	for name, want := range frames {
		s := preset(t, name)
		m := compile(t, s, Options{})
		bank := referenceBank(s)
		for i, n := range []int{0, 1, 100, 399, 400, 401, 559, 560, 1000} {
			pcm := noise(kerneltest.Rand(uint64(n)), n)
			x := make([]float64, n)
			for i := range x {
				x[i] = float64(pcm[i])
			}
			got := m.Append(nil, pcm)
			if len(got) != want[i]*m.Bands() || m.Frames(n) != want[i] {
				t.Fatalf("%s: %d samples: got %d features, Frames %d, want %d frames", name, n, len(got), m.Frames(n), want[i])
			}
			for f, frame := range reference(s, bank, x) {
				for b, w := range frame {
					if g := float64(got[f*m.Bands()+b]); math.Abs(g-w) > 2e-3 {
						t.Fatalf("%s: %d samples: frame %d band %d: got %v, want %v", name, n, f, b, g, w)
					}
				}
			}
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	m := compile(t, preset(t, "kaldi"), Options{})
	pcm := noise(kerneltest.Rand(1), 2000)
	want := append([]float32{1, 2, 3}, m.Append(nil, pcm)...)
	same(t, "appended", m.Append([]float32{1, 2, 3}, pcm), want)
}

// goroutines are Workers that work on so many tasks at a time; below 1, they refuse. Package pipeline has those for programs.
type goroutines int

func (g goroutines) Do(n int, task func(i int)) error {
	if g < 1 {
		return errors.New("closed")
	}
	if g == 1 { // backwards
		for i := range n {
			task(n - 1 - i)
		}
		return nil
	}
	var wait sync.WaitGroup
	var next atomic.Int64
	for range g {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				task(i)
			}
		})
	}
	wait.Wait()
	return nil
}

// TestSameForAnyWorkers wants the same bits from any number of workers, from those that refuse, in any order, and at any level.
func TestSameForAnyWorkers(t *testing.T) {
	for _, name := range Presets() {
		pcm := noise(kerneltest.Rand(1), 30000)
		s := preset(t, name)
		rate := 44100
		want := compile(t, s, Options{InputRate: rate, Kernels: "generic"}).Append(nil, pcm)
		for _, level := range kerneltest.Here() {
			for _, n := range []goroutines{0, 1, 2, 5} {
				m := compile(t, s, Options{InputRate: rate, Workers: n, Kernels: level.String()})
				same(t, fmt.Sprintf("%s %v %d workers", name, level, n), m.Append(nil, pcm), want)
			}
		}
	}
}

// TestConcurrent uses one Mel from many goroutines.
func TestConcurrent(t *testing.T) {
	m := compile(t, preset(t, "wav2lip"), Options{Workers: goroutines(3)})
	pcm := noise(kerneltest.Rand(1), 8000)
	want := m.Append(nil, pcm)
	done := make(chan []float32)
	for range 8 {
		go func() {
			s := m.Stream()
			defer s.Close()
			features := m.Append(nil, pcm)
			done <- append(features, s.Flush(s.Append(nil, pcm))...)
		}()
	}
	for range 8 {
		got := <-done
		same(t, "whole", got[:len(want)], want)
		same(t, "stream", got[len(want):], want)
	}
}

func TestAllocatesNothing(t *testing.T) {
	for _, name := range Presets() {
		for _, rate := range []int{16000, 48000} {
			m := compile(t, preset(t, name), Options{InputRate: rate, Workers: goroutines(1)})
			f32 := noise(kerneltest.Rand(1), 20000)
			pcm, _ := pcm16(f32)
			var dst []float32
			windows, err := m.Windows(25, 4)
			if err != nil {
				t.Fatal(err)
			}
			var window []float32
			s := m.Stream()
			alloctest.Zero(t, 5, func() {
				dst = m.Append(dst[:0], f32)
				dst = m.AppendPCM16(dst[:0], pcm)
				window = windows.Append(window[:0], dst, 1)
				dst = s.Append(dst[:0], f32[:3000])
				dst = s.AppendPCM16(dst[:0], pcm)
				dst = s.Flush(dst)
			})
			s.Close()
			// A stream is an object, whose memory is that of one that was closed.
			if objects, bytes := alloctest.Measure(t, 5, func() { m.Stream().Close() }); objects > 5 || bytes > 5*128 {
				t.Errorf("5 streams allocated %d objects of %d bytes together: want one of 128 each", objects, bytes)
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	good := preset(t, "wav2lip")
	nan := math.NaN()
	tests := []struct {
		field   string
		change  func(*Spec)
		options Options
	}{
		{"rate", func(s *Spec) { s.Rate = 7999 }, Options{}},
		{"rate", func(s *Spec) { s.Rate = 48001 }, Options{}},
		{"fft", func(s *Spec) { s.FFT = 0 }, Options{}},
		{"fft", func(s *Spec) { s.FFT = 5000 }, Options{}},
		{"fft", func(s *Spec) { s.FFT = 1001 }, Options{}},
		{"hop", func(s *Spec) { s.Hop = 0 }, Options{}},
		{"window", func(s *Spec) { s.Window = 801 }, Options{}},
		{"window", func(s *Spec) { s.Window = 1 }, Options{}},
		{"shape", func(s *Spec) { s.Shape = 5 }, Options{}},
		{"frames", func(s *Spec) { s.Frames = 3 }, Options{}},
		{"padding", func(s *Spec) { s.Padding = 2 }, Options{}},
		{"spectrum", func(s *Spec) { s.Spectrum = 2 }, Options{}},
		{"scale", func(s *Spec) { s.Scale = 4 }, Options{}},
		{"norm", func(s *Spec) { s.Norm = 2 }, Options{}},
		{"bands", func(s *Spec) { s.Bands = 513 }, Options{}},
		{"gain", func(s *Spec) { s.Gain = 0 }, Options{}},
		{"gain", func(s *Spec) { s.Gain = nan }, Options{}},
		{"preemphasis", func(s *Spec) { s.Preemphasis = -0.1 }, Options{}},
		{"high", func(s *Spec) { s.High = 8001 }, Options{}},
		{"high", func(s *Spec) { s.High = nan }, Options{}},
		{"low", func(s *Spec) { s.Low = 7600 }, Options{}},
		{"low", func(s *Spec) { s.Low = -1 }, Options{}},
		{"log.base", func(s *Spec) { s.Log.Base = 3 }, Options{}},
		{"log.floor", func(s *Spec) { s.Log.Floor = 0 }, Options{}},
		{"log.range", func(s *Spec) { s.Log.Range = -1 }, Options{}},
		{"log.scale", func(s *Spec) { s.Log.Scale = 0 }, Options{}},
		{"log.offset", func(s *Spec) { s.Log.Offset = nan }, Options{}},
		{"log.min", func(s *Spec) { s.Log.Min = 5 }, Options{}},
		{"input_rate", func(*Spec) {}, Options{InputRate: 7999}},
		{"input_rate", func(*Spec) {}, Options{InputRate: 96000}},
		{"input_rate", func(*Spec) {}, Options{InputRate: 47999}},
		{"kernels", func(*Spec) {}, Options{Kernels: "sse"}},
	}
	for _, tt := range tests {
		s := good
		tt.change(&s)
		_, err := Compile(s, &tt.options)
		var se *SpecError
		if !errors.As(err, &se) || se.Field != tt.field || se.Reason == "" {
			t.Errorf("%s: got %v, want a SpecError of that field", tt.field, err)
		}
	}
	if _, err := Preset("mfcc"); err == nil {
		t.Error("preset mfcc: got no error")
	}
}

func TestUsualInputRates(t *testing.T) {
	for _, name := range Presets() {
		for _, rate := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000} {
			compile(t, preset(t, name), Options{InputRate: rate})
		}
	}
}

// BenchmarkAppend makes features of a second of sound on one goroutine. least-us is the time of the fastest call: on a machine
// that is busy with other things, that of a call that was not interrupted.
func BenchmarkAppend(b *testing.B) {
	for _, tt := range []struct {
		preset string
		rate   int
	}{
		{"wav2lip", 16000}, {"wav2lip", 48000}, {"wav2lip", 44100}, {"whisper80", 16000}, {"whisper128", 16000}, {"kaldi", 16000},
		{"htk", 16000}, {"librosa", 22050},
	} {
		for _, level := range kerneltest.Here() {
			m := compile(b, preset(b, tt.preset), Options{InputRate: tt.rate, Kernels: level.String()})
			b.Run(fmt.Sprintf("preset=%s/rate=%d/impl=%v", tt.preset, tt.rate, level), func(b *testing.B) {
				pcm := noise(kerneltest.Rand(1), m.inputRate)
				dst := m.Append(nil, pcm)
				least := time.Hour
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					dst = m.Append(dst[:0], pcm)
					least = min(least, time.Since(start))
				}
				b.ReportMetric(float64(least.Nanoseconds())/1000, "least-us")
			})
		}
	}
}

// BenchmarkWindows makes what a model takes for 25 video frames: the features of a second of sound, and 25 windows of 16 frames.
func BenchmarkWindows(b *testing.B) {
	m := compile(b, preset(b, "wav2lip"), Options{})
	w, err := m.Windows(25, 16)
	if err != nil {
		b.Fatal(err)
	}
	pcm := noise(kerneltest.Rand(1), 16000+16*200)
	var features, batch []float32
	least := time.Hour
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		features, batch = m.Append(features[:0], pcm), batch[:0]
		for i := range 25 {
			batch = w.Append(batch, features, i)
		}
		least = min(least, time.Since(start))
	}
	b.ReportMetric(float64(least.Nanoseconds())/1000, "least-us")
}

// BenchmarkStream takes a second of sound in chunks, for each of which a least time is known.
func BenchmarkStream(b *testing.B) {
	for _, chunk := range []int{200, 320, 640} {
		b.Run(fmt.Sprintf("preset=wav2lip/chunk=%d", chunk), func(b *testing.B) {
			s := compile(b, preset(b, "wav2lip"), Options{}).Stream()
			defer s.Close()
			pcm := noise(kerneltest.Rand(1), 16000)
			var dst []float32
			least := time.Hour
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				dst = dst[:0]
				for rest := pcm; len(rest) > 0; {
					n := min(chunk, len(rest))
					dst = s.Append(dst, rest[:n])
					rest = rest[n:]
				}
				least = min(least, time.Since(start))
			}
			b.ReportMetric(float64(least.Nanoseconds())/1000, "least-us/s-of-sound")
		})
	}
}

// TestYielding: with yield, features are the same, and its error ends the work.
func TestYielding(t *testing.T) {
	for _, name := range []string{"wav2lip", "whisper80"} {
		m := compile(t, preset(t, name), Options{InputRate: 8000, Workers: goroutines(3)})
		pcm := noise(kerneltest.Rand(1), 40*8000)
		want := m.Append(nil, pcm)
		yields := 0
		got, err := m.AppendYielding([]float32{1}, pcm, func() error { yields++; return nil })
		if err != nil || got[0] != 1 {
			t.Fatalf("%s: got %v, and what was there is %v", name, err, got[0])
		}
		same(t, name, got[1:], want)
		if most := len(want)/m.Bands()/yieldFrames + 1; yields < 2 || yields > most {
			t.Errorf("%s: got %d calls of yield, want 2 to %d", name, yields, most)
		}
		stop := errors.New("stop")
		got, err = m.AppendYielding([]float32{1}, pcm, func() error { return stop })
		if err != stop || len(got) != 1 {
			t.Errorf("%s: got %d features and %v, want the error of yield alone", name, len(got)-1, err)
		}
	}
}
