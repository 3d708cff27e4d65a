package measure

import "testing"

func TestSpreadOf(t *testing.T) {
	tests := []struct {
		values []float64
		want   Spread
	}{
		{[]float64{7}, Spread{7, 7, 7}},
		{[]float64{3, 1, 2}, Spread{2, 2, 3}},
		{[]float64{5, 1, 4, 2, 3}, Spread{2, 3, 4}},
	}
	for _, tt := range tests {
		if got := SpreadOf(tt.values); got != tt.want {
			t.Errorf("%v: got %+v, want %+v", tt.values, got, tt.want)
		}
	}
}
