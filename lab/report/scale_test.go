package report

import (
	"slices"
	"testing"
)

func labels(ticks []tick) []string {
	var out []string
	for _, t := range ticks {
		out = append(out, t.label)
	}
	return out
}

func TestTicks(t *testing.T) {
	tests := []struct {
		name   string
		axis   Axis
		values []float64
		ends   ends
		want   []string
	}{
		{"none", Axis{}, nil, rounded, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{"from-zero", Axis{}, []float64{20, 97}, rounded, []string{"0", "20", "40", "60", "80", "100"}},
		{"far-from-zero", Axis{}, []float64{98, 99}, rounded, []string{"98.0", "98.2", "98.4", "98.6", "98.8", "99.0"}},
		{"below-zero", Axis{}, []float64{-30, 50}, rounded, []string{"−40", "−20", "0", "20", "40", "60"}},
		{"megabytes", Axis{}, []float64{0, 61e6}, rounded, []string{"0", "20 M", "40 M", "60 M", "80 M"}},
		{"equal", Axis{}, []float64{48, 48}, rounded, []string{"0", "10", "20", "30", "40", "50"}},
		{"time", Axis{}, []float64{0, 12.5}, tight, []string{"0", "5", "10"}},
		{"based", Axis{}, []float64{880, 900}, based, []string{"0", "200", "400", "600", "800"}},
		{"powers", Axis{Log: true}, []float64{0.002, 300}, rounded, []string{"0.01", "0.1", "1", "10", "100"}},
		{"many-powers", Axis{Log: true}, []float64{1, 1e9}, rounded, []string{"1", "100", "10,000", "1 M", "100 M"}},
		{"few-powers", Axis{Log: true}, []float64{12, 90}, rounded, []string{"10", "20", "50", "100"}},
		{"one-power", Axis{Log: true}, []float64{10}, rounded, []string{"10", "20", "50", "100"}},
		{"nothing-for-log", Axis{Log: true}, []float64{0, -3}, rounded, []string{"1", "2", "5", "10"}},
		{"nines", Axis{Nines: true}, []float64{0, 0.5, 0.9999}, tight, []string{"0", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"}},
		{"nines-max", Axis{Nines: true}, []float64{0.5, 0.99, 1}, tight, []string{"0", "50 %", "90 %", "99 %", "max"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scaleOf(tt.axis, tt.values, tt.ends, 5)
			ticks := s.ticks(5)
			if got := labels(ticks); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for i, tick := range ticks {
				if tick.at < 0 || tick.at > 1 || i > 0 && tick.at <= ticks[i-1].at {
					t.Errorf("tick %q is at %v, want it between 0 and 1 and after the one before", tick.label, tick.at)
				}
			}
		})
	}
}

func TestValueLabel(t *testing.T) {
	tests := map[float64]string{
		0: "0", 1: "1", 1.5: "1.50", 2.345: "2.35", 12.34: "12.3", 123.4: "123", 999: "999", 12345: "12,345", 999_999: "999,999",
		3.98e6: "3.98 M", 61e6: "61 M", 1.2e9: "1.20 G", -4.5: "−4.50", 0.25: "0.250", 0.0125: "0.0125", 0.003: "0.003", 1e-9: "1e-09", 1e30: "1e+30",
	}
	for v, want := range tests {
		if got := valueLabel(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}
