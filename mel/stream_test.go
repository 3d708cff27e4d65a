package mel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// cut feeds x to s in chunks of random length up to most, as floats or bytes by turns, and returns all features.
func cut(r *rand.Rand, s *Stream, x []float32, pcm []byte, most int) []float32 {
	var dst []float32
	for at := 0; at < len(x); {
		n := min(1+r.IntN(most), len(x)-at)
		if r.IntN(2) == 0 {
			dst = s.Append(dst, x[at:at+n])
		} else {
			dst = s.AppendPCM16(dst, pcm[2*at:2*(at+n)])
		}
		at += n
	}
	return s.Flush(dst)
}

// withoutRange is a preset whose frames do not depend on those to come.
func withoutRange(t testing.TB, name string) Spec {
	s := preset(t, name)
	s.Log.Range = 0
	return s
}

// TestStreamIsTheWhole wants the bits of Append from any chunks, for each preset, rate and length.
func TestStreamIsTheWhole(t *testing.T) {
	for _, name := range Presets() {
		for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
			m := compile(t, withoutRange(t, name), Options{InputRate: rate})
			s := m.Stream()
			for seed := range uint64(8) {
				r := kerneltest.Rand(seed)
				n := r.IntN([]int{3, 300, 1200, 20000}[seed%4])
				pcm, x := pcm16(noise(r, n))
				what := fmt.Sprintf("%s, %d Hz, %d samples, seed %d", name, rate, n, seed)
				same(t, what, cut(r, s, x, pcm, []int{1, 7, 500, 30000}[r.IntN(4)]), m.Append(nil, x))
			}
			s.Close()
		}
	}
}

// TestRandomStreams is the same for random Specs.
func TestRandomStreams(t *testing.T) {
	for seed := range uint64(200) {
		r := kerneltest.Rand(seed)
		spec := randomSpec(r)
		spec.Log.Range = 0
		m := compile(t, spec, Options{})
		pcm, x := pcm16(noise(r, r.IntN(5*spec.FFT)))
		s := m.Stream()
		same(t, fmt.Sprintf("seed %d: %+v", seed, spec), cut(r, s, x, pcm, 1+r.IntN(600)), m.Append(nil, x))
		s.Close()
	}
}

// TestStreamRange: a Range counts from the largest so far, whatever the chunks. Once that has come it is the whole's.
func TestStreamRange(t *testing.T) {
	spec := preset(t, "whisper80")
	m := compile(t, spec, Options{})
	unlimited := compile(t, withoutRange(t, "whisper80"), Options{})
	r := kerneltest.Rand(1)
	x := noise(r, 16000)
	for i := range x { // silence, quiet, loud, silence
		switch {
		case i < 3000, i >= 12000:
			x[i] = 0
		case i < 8000:
			x[i] *= 1e-3
		}
	}
	pcm, x := pcm16(x)
	want := unlimited.Append(nil, x)
	largest := want[0]
	for f := 0; f < len(want); f += 80 {
		frame := want[f : f+80]
		largest = max(largest, slices.Max(frame))
		for b := range frame {
			frame[b] = max(frame[b], largest-2)
		}
	}
	s := m.Stream()
	defer s.Close()
	for _, most := range []int{1, 100, 20000} {
		same(t, "range", cut(r, s, x, pcm, most), want)
	}
	whole := m.Append(nil, x)
	same(t, "end", want[len(want)-80*20:], whole[len(whole)-80*20:])
	if slices.Equal(want, whole) {
		t.Error("the sound does not tell the two apart")
	}
}

// TestLatency: a frame comes with the sample that Latency says, and not before.
func TestLatency(t *testing.T) {
	for _, tt := range []struct {
		preset     string
		rate, want int
	}{
		{"wav2lip", 16000, 400}, {"kaldi", 16000, 400}, {"librosa", 22050, 1024}, {"wav2lip", 48000, 0}, {"kaldi", 8000, 0},
	} {
		m := compile(t, withoutRange(t, tt.preset), Options{InputRate: tt.rate})
		if tt.want != 0 && m.Latency() != tt.want {
			t.Errorf("%s: got a latency of %d, want %d", tt.preset, m.Latency(), tt.want)
		}
		s := m.Stream()
		var dst []float32
		hop := m.spec.Hop * tt.rate / m.spec.Rate
		for n := 1; n < 40*hop; n++ {
			before := len(dst)
			dst = s.Append(dst, []float32{0.1})
			frames := (len(dst) - before) / m.Bands()
			frame := before / m.Bands()
			// Where something is reflected, the first frame needs a sample more.
			want := frame*hop + m.Latency()
			if frames > 1 || frames == 1 && (n < want || n > want+3 && frame > 0) {
				t.Fatalf("%s at %d Hz: sample %d brought %d frames after %d, want one with sample %d", tt.preset, tt.rate, n, frames,
					frame, want)
			}
		}
		if got := len(dst) / m.Bands(); got < 30 {
			t.Errorf("%s: got %d frames", tt.preset, got)
		}
		s.Close()
	}
}

func TestReset(t *testing.T) {
	m := compile(t, preset(t, "whisper80"), Options{})
	x := noise(kerneltest.Rand(1), 3000)
	s := m.Stream()
	want := s.Flush(s.Append(nil, x))
	s.Append(nil, x[:1000])
	s.Reset()
	same(t, "after Reset", s.Flush(s.Append(nil, x)), want)
	same(t, "no sound", s.Flush(nil), nil)
	s.Close()
	for name, f := range map[string]func(){
		"Append": func() { s.Append(nil, x) }, "AppendPCM16": func() { s.AppendPCM16(nil, nil) }, "Flush": func() { s.Flush(nil) },
		"Reset": s.Reset, "Close": s.Close,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s after Close: got no panic", name)
				}
			}()
			f()
		}()
	}
}

// FuzzStream holds any way to cut any sound to the whole.
func FuzzStream(f *testing.F) {
	f.Add([]byte("some bytes that are sound"), uint8(0), uint64(1))
	f.Add(make([]byte, 4000), uint8(3), uint64(2))
	f.Add([]byte{0xff, 0x7f, 0xc0, 0x7f, 0, 0, 0x80, 0x7f}, uint8(16), uint64(3))
	var all []*Mel
	for _, name := range Presets() {
		for _, rate := range []int{8000, 16000, 44100, 48000, 11025} {
			all = append(all, compile(f, withoutRange(f, name), Options{InputRate: rate}))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, choice uint8, seed uint64) {
		data = data[:min(len(data), 20000)]
		m := all[int(choice)%len(all)]
		x := make([]float32, len(data)/4) // NaN and infinity among them
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		r := kerneltest.Rand(seed)
		s := m.Stream()
		defer s.Close()
		var got []float32
		for rest := x; len(rest) > 0; {
			n := min(1+r.IntN(1000), len(rest))
			got = s.Append(got, rest[:n])
			rest = rest[n:]
		}
		same(t, "float32", s.Flush(got), m.Append(nil, x))
		_, y := pcm16(nil)
		for i := 0; i+1 < len(data); i += 2 {
			y = append(y, float32(int16(binary.LittleEndian.Uint16(data[i:])))/(1<<15))
		}
		same(t, "PCM16", cut(r, s, y, data, 1+r.IntN(900)), m.AppendPCM16(nil, data))
	})
}
