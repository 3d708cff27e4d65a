package band

import (
	"math"
	"math/big"
	"testing"

	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// axes are directions of resizes, the largest among them.
var axes = []axis{
	{0, 640, 320, 1, 1}, {0, 360, 320, 1, 1}, {7, 31, 77, 1, 1}, {7, 31, 77, 2, 1}, {7, 31, 77, 2, 2}, {1, 60, 23, 2, 2}, {0, 1, 1, 1, 1},
	{0, 65535, 1, 1, 1}, {65534, 1, 65535, 1, 1}, {65533, 2, 65535, 2, 2}, {0, 65535, 65534, 1, 1}, {0, 65534, 65535, 2, 1}, {1, 65533, 7, 2, 2},
}

// TestLinearIsExact holds positions to rational arithmetic: (k + 1/2)*outStep*length/out + origin pixels, in samples, less half a one.
func TestLinearIsExact(t *testing.T) {
	for _, a := range axes {
		for k := range a.samples() {
			if k > 300 && k < a.samples()-300 {
				continue
			}
			want := big.NewRat(int64(2*k+1)*int64(a.outStep)*int64(a.length), int64(2*a.out))
			want.Add(want, big.NewRat(int64(a.origin), 1))
			want.Quo(want, big.NewRat(int64(a.inStep), 1))
			want.Sub(want, big.NewRat(1, 2))
			if low := big.NewRat(int64(a.first()), 1); want.Cmp(low) < 0 {
				want = low
			}
			if high := big.NewRat(int64(a.last()), 1); want.Cmp(high) > 0 {
				want = high
			}
			p := a.linear(k)
			got := new(big.Rat).Add(big.NewRat(int64(p.index), 1), big.NewRat(p.frac, p.den))
			if got.Cmp(want) != 0 || p.frac < 0 || p.frac >= p.den {
				t.Fatalf("%+v sample %d: got %d + %d/%d, want %v", a, k, p.index, p.frac, p.den, want)
			}
		}
	}
}

func TestPlaceRounds(t *testing.T) {
	tests := []struct {
		p             place
		one           int64
		index, weight int
	}{
		{place{5, 0, 1}, 128, 5, 0},
		{place{5, 1, 2}, 128, 5, 64},
		{place{5, 1, 256}, 128, 5, 1}, // half a step goes up
		{place{5, 1, 257}, 128, 5, 0},
		{place{5, 255, 256}, 128, 6, 0},
		{place{5, 254, 256}, 128, 5, 127},
		{place{5, 65535, 65536}, 32768, 6, 0},
	}
	for _, tt := range tests {
		if i, w := tt.p.round(tt.one); i != tt.index || w != tt.weight {
			t.Errorf("%+v in %dths: got %d, %d, want %d, %d", tt.p, tt.one, i, w, tt.index, tt.weight)
		}
	}
}

// TestCoverage: weights add up, come to what is covered within 1 in 16384, and name samples of the crop alone.
func TestCoverage(t *testing.T) {
	for _, a := range axes {
		if !a.shrinks() {
			continue
		}
		c := a.coverage(a.first(), 3)
		if len(c.Spans) != a.samples() {
			t.Fatalf("%+v: got %d spans, want %d", a, len(c.Spans), a.samples())
		}
		weights := c.Weights
		for k, s := range c.Spans {
			checkSpan(t, a, k, s, weights[:s.Count])
			weights = weights[s.Count:]
		}
	}
}

func checkSpan(t *testing.T, a axis, k int, s resample.Span, weights []int16) {
	t.Helper()
	edge := func(x float64) float64 {
		return (float64(a.origin) + min(x, float64(a.out))*float64(a.length)/float64(a.out)) / float64(a.inStep)
	}
	start, end := edge(float64(k*a.outStep)), edge(float64((k+1)*a.outStep))
	first := int(s.Offset)/3 + a.first()
	if s.Offset%3 != 0 || first < a.first() || first+len(weights)-1 > a.last() {
		t.Fatalf("%+v sample %d: got offset %d and %d weights, want samples %d to %d", a, k, s.Offset, len(weights), a.first(), a.last())
	}
	sum := 0
	for i, w := range weights {
		from, to := max(start, float64(first+i)), min(end, float64(first+i+1))
		if want := 16384 * (to - from) / (end - start); math.Abs(float64(w)-want) > 1 {
			t.Fatalf("%+v sample %d, input %d: got weight %d, want %.2f +- 1", a, k, first+i, w, want)
		}
		sum += int(w)
	}
	if sum != 1<<14 {
		t.Fatalf("%+v sample %d: got weights that add up to %d, want 16384", a, k, sum)
	}
}
