package mel

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// TestWav2LipWindows is the loop of Wav2Lip's inference.py, in integers.
func TestWav2LipWindows(t *testing.T) {
	m := compile(t, preset(t, "wav2lip"), Options{})
	w, err := m.Windows(25, 16)
	if err != nil {
		t.Fatal(err)
	}
	for total := range 500 {
		features := make([]float32, total*80)
		for i := range features {
			features[i] = float32(i)
		}
		var starts []int
		for i := 0; total >= 16; i++ {
			start := 80 * i / 25
			if start+16 > total {
				starts = append(starts, total-16)
				break
			}
			starts = append(starts, start)
		}
		if got := w.Count(total); got != len(starts) {
			t.Fatalf("%d frames: got %d windows, want %d", total, got, len(starts))
		}
		for i, start := range starts {
			got := w.Append([]float32{-1}, features, i)
			if len(got) != 1+80*16 || w.Size() != 80*16 || got[0] != -1 {
				t.Fatalf("got %d features, Size %d, want %d", len(got)-1, w.Size(), 80*16)
			}
			for b := range 80 {
				for f := range 16 {
					if got, want := got[1+b*16+f], float32((start+f)*80+b); got != want {
						t.Fatalf("%d frames, window %d: band %d of frame %d: got %v, want %v", total, i, b, f, got, want)
					}
				}
			}
		}
	}
}

// TestStart compares with exact fractions, for hours, and for NTSC's rates.
func TestStart(t *testing.T) {
	for _, tt := range []struct {
		preset   string
		fps      float64
		num, den int64 // frames of features for a video frame
	}{
		{"wav2lip", 25, 80, 25}, {"wav2lip", 30, 80, 30}, {"wav2lip", 30000.0 / 1001, 80 * 1001, 30000}, {"kaldi", 25, 4, 1},
		{"whisper80", 24000.0 / 1001, 100 * 1001, 24000}, {"librosa", 50, 22050, 512 * 50}, {"kaldi", 12.5, 8, 1},
	} {
		w, err := compile(t, preset(t, tt.preset), Options{}).Windows(tt.fps, 4)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range int64(100000) {
			if i > 50000 {
				i = r.Int64N(8 * 3600 * 60)
			}
			if got, want := w.Start(int(i)), i*tt.num/tt.den; got != int(want) {
				t.Fatalf("%s at %v fps: window %d: got frame %d, want %d", tt.preset, tt.fps, i, got, want)
			}
		}
	}
}

func TestWindowsErrors(t *testing.T) {
	m := compile(t, preset(t, "wav2lip"), Options{})
	for _, tt := range []struct {
		fps    float64
		frames int
		field  string
	}{{0, 16, "fps"}, {1001, 16, "fps"}, {25, 0, "frames"}, {25, 5000, "frames"}} {
		var se *SpecError
		if _, err := m.Windows(tt.fps, tt.frames); !errors.As(err, &se) || se.Field != tt.field {
			t.Errorf("%v fps, %d frames: got %v, want a SpecError of %s", tt.fps, tt.frames, err, tt.field)
		}
	}
	w, err := m.Windows(25, 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func(){func() { w.Append(nil, make([]float32, 15*80), 0) }, func() { w.Append(nil, make([]float32, 16*80), -1) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("got no panic")
				}
			}()
			f()
		}()
	}
}
