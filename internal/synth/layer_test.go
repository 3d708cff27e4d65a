package synth

import (
	"math"
	"testing"
)

// TestBlend compares blend with its definition for all arguments.
func TestBlend(t *testing.T) {
	for d := range 256 {
		for s := range 256 {
			for a := range 256 {
				want := (s*a + d*(255-a) + 127) / 255
				if got := blend(byte(d), byte(s), byte(a)); int(got) != want {
					t.Fatalf("blend(%d, %d, %d): got %d, want %d", d, s, a, got, want)
				}
			}
		}
	}
}

// TestLayersCover checks what compose relies on: in every row of the image some layer is opaque.
func TestLayersCover(t *testing.T) {
	for h := 1; h <= 400; h += 1 + h/8 {
		for seed := range uint64(3) {
			s := New(40, h, seed)
			for y := range h {
				covered := false
				for _, l := range s.layers {
					covered = covered || l.kind(y-l.top) == rowOpaque
				}
				if !covered {
					t.Errorf("height %d, seed %d: no layer is opaque in row %d", h, seed, y)
				}
			}
		}
	}
}

// TestGrain: it is gray, is centered, and leaves the headroom that layers are stored with.
func TestGrain(t *testing.T) {
	s := New(200, 100, 1)
	for i, l := range s.layers {
		for j, v := range l.pix {
			if v > 255-2*grainLevels {
				t.Fatalf("layer %d, sample %d: got %d, want <= %d", i, j, v, 255-2*grainLevels)
			}
		}
	}
	row := make([]byte, 200*3)
	sum, n := 0, 0
	for y := range 100 {
		clear(row)
		s.grain.add(row, 7, y)
		for x := 0; x < len(row); x += 3 {
			if row[x] != row[x+1] || row[x] != row[x+2] || row[x] > 2*grainLevels {
				t.Fatalf("row %d: got grain %v, want three equal levels <= %d", y, row[x:x+3], 2*grainLevels)
			}
			sum += int(row[x])
			n++
		}
	}
	if mean := float64(sum) / float64(n); math.Abs(mean-grainLevels) > 0.05 {
		t.Errorf("got a mean grain of %.3f, want %d", mean, grainLevels)
	}
}

// TestNoiseRepeats: noise has no seam where a layer wraps around, and stays within its bounds.
func TestNoiseRepeats(t *testing.T) {
	const period = 96
	n := newNoise(1, period, 17)
	for o := range 4 {
		for x := range period {
			for y := range 20 {
				v := n.at(float64(x), float64(y), o)
				if around := n.at(float64(x+period), float64(y), o); math.Abs(around-v) > 1e-9 {
					t.Fatalf("octave %d at %d, %d: got %g one period on, want %g", o, x, y, around, v)
				}
				if math.Abs(v) > math.Sqrt2/2+1e-9 {
					t.Fatalf("octave %d at %d, %d: got %g, want within +-0.7072", o, x, y, v)
				}
			}
		}
	}
}
