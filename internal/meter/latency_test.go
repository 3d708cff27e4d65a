package meter

import (
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestLatency(t *testing.T) {
	l, other := NewLatency(), NewLatency()
	for i := range 990 {
		l.Record(time.Duration(i)*time.Microsecond, 1) // 0 counts as 1
	}
	other.Record(2*time.Hour, 10) // counts as an hour
	l.Merge(other)
	if l.Count() != 1000 {
		t.Errorf("count: got %d, want 1000", l.Count())
	}
	near := func(name string, got, want time.Duration) {
		if off := (got - want).Abs(); off > want/500 {
			t.Errorf("%s: got %v, want %v, within 0.2 %%", name, got, want)
		}
	}
	near("median", l.Quantile(0.5), 500*time.Microsecond)
	near("p98", l.Quantile(0.98), 980*time.Microsecond)
	near("p99.9", l.Quantile(0.999), time.Hour)
	near("max", l.Max(), time.Hour)
}

// TestQuantileIsNearestRank: as many as the fraction says, and not one fewer, are no longer.
func TestQuantileIsNearestRank(t *testing.T) {
	for n := 1; n <= 300; n++ {
		l := NewLatency()
		for i := range n {
			l.Record(time.Duration(i+1)*time.Microsecond, 1)
		}
		for _, permille := range []int{0, 1, 500, 900, 950, 990, 999, 1000} {
			rank := max((n*permille+999)/1000, 1)
			if got := int(l.Quantile(float64(permille) / 1000).Microseconds()); got != rank {
				t.Errorf("%d of 1000 among %d: got the one at %d, want %d", permille, n, got, rank)
			}
		}
	}
}

func TestLatencyEmpty(t *testing.T) {
	used := NewLatency()
	used.Record(time.Second, 3)
	used.Reset()
	if used.Count() != 0 || used.Max() != 0 {
		t.Errorf("after Reset: got %d, at most %v, want none", used.Count(), used.Max())
	}
	if l := NewLatency(); l.Quantile(0.99) != 0 || l.Max() != 0 || l.Count() != 0 {
		t.Errorf("got %v, %v, %d, want zeros", l.Quantile(0.99), l.Max(), l.Count())
	}
}

func TestLatencyAllocatesNothing(t *testing.T) {
	l := NewLatency()
	alloctest.Zero(t, 100, func() { l.Record(3*time.Millisecond, 25) })
}
