package mel

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func readFloats(t testing.TB, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	f := make([]float32, len(b)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return f
}

// testSound returns the samples of testdata/sound.s16.
func testSound(t testing.TB) (pcm []byte, f32 []float32) {
	t.Helper()
	pcm, err := os.ReadFile("testdata/sound.s16")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pcm); i += 2 {
		f32 = append(f32, float32(int16(binary.LittleEndian.Uint16(pcm[i:])))/(1<<15))
	}
	return pcm, f32
}

func compile(t testing.TB, s Spec, o Options) *Mel {
	t.Helper()
	m, err := Compile(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func preset(t testing.TB, name string) Spec {
	t.Helper()
	s, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// largestError returns the largest difference, and where it is.
func largestError(t testing.TB, got, want []float32) (largest float64, at int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d features, want %d", len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= largest) {
			largest, at = d, i
		}
	}
	return largest, at
}

// TestGolden compares each preset, at each level, with testdata/golden.py: numpy in float64, written from the definitions.
func TestGolden(t *testing.T) {
	tests := []struct {
		file, preset string
		change       func(*Spec)
		input        int
		tolerance    float64
	}{
		{file: "wav2lip", preset: "wav2lip", tolerance: 1e-4},
		{file: "wav2lip-zeros", preset: "wav2lip", change: func(s *Spec) { s.Padding = Zeros }, tolerance: 1e-4},
		{file: "whisper80", preset: "whisper80", tolerance: 1e-4},
		{file: "whisper128", preset: "whisper128", tolerance: 1e-4},
		{file: "kaldi", preset: "kaldi", tolerance: 1e-4},
		{file: "htk", preset: "htk", tolerance: 1e-4},
		{file: "librosa", preset: "librosa", tolerance: 1e-4},
		// scipy's filter ends between 7360 and 8000 Hz in another way than ours.
		{file: "48000", preset: "wav2lip", input: 48000, tolerance: 5e-4},
	}
	pcm, f32 := testSound(t)
	for _, tt := range tests {
		for _, level := range kerneltest.Here() {
			t.Run(tt.file+"/"+level.String(), func(t *testing.T) {
				s := preset(t, tt.preset)
				if tt.change != nil {
					tt.change(&s)
				}
				m := compile(t, s, Options{InputRate: tt.input, Kernels: level.String()})
				want := readFloats(t, tt.file+".f32")
				got := m.Append(nil, f32)
				if frames := m.Frames(len(f32)); len(got) != frames*m.Bands() {
					t.Fatalf("got %d features, want %d frames of %d", len(got), frames, m.Bands())
				}
				if tt.input != 0 {
					leaveOutTransition(m, got, want)
				}
				largest, at := largestError(t, got, want)
				t.Logf("largest error %.2g of features %.3g..%.3g", largest, minOf(want), maxOf(want))
				if !(largest <= tt.tolerance) {
					t.Errorf("frame %d band %d: got %v, want %v within %g", at/m.Bands(), at%m.Bands(), got[at], want[at], tt.tolerance)
				}
				same(t, "PCM16", m.AppendPCM16(nil, pcm), m.Append(nil, f32))
			})
		}
	}
}

// leaveOutTransition sets to 0 what depends on how a filter goes from pass to stop: the bands that reach above 7300 Hz, and
// the first and last two frames, in which a reflected wave has corners.
func leaveOutTransition(m *Mel, got, want []float32) {
	bands, frames := m.Bands(), len(got)/m.Bands()
	rows := m.spec.weights()
	for i := range got {
		reaches := false
		for k := 7300 * m.spec.FFT / m.spec.Rate; k < len(rows[0]); k++ {
			reaches = reaches || rows[i%bands][k] > 0
		}
		if frame := i / bands; reaches || frame < 2 || frame >= frames-2 {
			got[i], want[i] = 0, 0
		}
	}
}

func minOf(x []float32) float32 {
	least := x[0]
	for _, v := range x {
		least = min(least, v)
	}
	return least
}

func maxOf(x []float32) float32 {
	most := x[0]
	for _, v := range x {
		most = max(most, v)
	}
	return most
}

// same wants the same bits.
func same(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d features, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: feature %d: got %v, want %v", what, i, got[i], want[i])
		}
	}
}
