package meter

import (
	"math"
	"testing"
)

func TestTrend(t *testing.T) {
	tests := []struct {
		name   string
		points [][2]float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", [][2]float64{{1, 5}}, 0},
		{"flat", [][2]float64{{0, 5}, {1, 5}, {2, 5}}, 0},
		{"line", [][2]float64{{1, 5}, {2, 7}, {4, 11}}, 2},
		{"scatter", [][2]float64{{0, 0}, {1, 3}, {2, 0}}, 0},
		{"same-time", [][2]float64{{1, 3}, {1, 5}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tr Trend
			for _, p := range tt.points {
				tr.Add(p[0], p[1])
			}
			if got := tr.Slope(); math.Abs(got-tt.want) > 1e-9 {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Old points do not count: a climb that has ended is none.
func TestTrendForgets(t *testing.T) {
	var tr Trend
	for i := range 1000 {
		tr.Add(float64(i), float64(min(i, 600)))
	}
	if got := tr.Slope(); got != 0 {
		t.Errorf("got %v, want 0", got)
	}
	if tr.Max() != 600 {
		t.Errorf("largest: got %v, want 600", tr.Max())
	}
}
