package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheilSen(t *testing.T) {
	tests := []struct {
		name string
		y    []float64
		want float64
	}{
		{"flat", []float64{3, 3, 3, 3, 3}, 0},
		{"line", []float64{1, 3, 5, 7, 9, 11}, 2},
		{"far-off", []float64{1, 3, 1000, 7, 9, 11, 13}, 2},
		{"falling", []float64{9, 8, 7, 6, 5, 4}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := make([]float64, len(tt.y))
			for i := range x {
				x[i] = float64(i)
			}
			s, ok := TheilSen(x, tt.y)
			if !ok || math.Abs(s.Median-tt.want) > 1e-9 || s.Low > s.Median || s.High < s.Median {
				t.Errorf("got %+v, %v, want %v within its interval", s, ok, tt.want)
			}
		})
	}
	if s, ok := TheilSen([]float64{0, 1, 2, 3}, []float64{0, 1, 2, 3}); ok {
		t.Errorf("of four points: got %+v, want no interval", s)
	}
}

// The interval holds the true slope as often as it says, under noise that is not Gaussian: some points are far
// off.
func TestTheilSenInterval(t *testing.T) {
	const seed, runs, points, slope = 1, 2000, 12, 0.5
	random := rand.New(rand.NewPCG(seed, 0))
	held := 0
	x, y := make([]float64, points), make([]float64, points)
	for range runs {
		for i := range x {
			noise := random.NormFloat64()
			if random.IntN(10) == 0 {
				noise *= 20
			}
			x[i], y[i] = float64(i), slope*float64(i)+noise
		}
		if s, _ := TheilSen(x, y); s.Low <= slope && slope <= s.High {
			held++
		}
	}
	if share := float64(held) / runs; share < 0.93 || share > 0.99 {
		t.Errorf("seed %d: the interval held the slope in %.1f %% of %d runs, want about 95 %%", seed, 100*share, runs)
	}
}
