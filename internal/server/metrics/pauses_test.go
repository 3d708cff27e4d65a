package metrics

import (
	"math"
	"runtime"
	rtm "runtime/metrics"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Each bound is one of the runtime's: else a bucket would count values that are above it.
func TestPauseBoundsAreTheRuntimes(t *testing.T) {
	samples := []rtm.Sample{{Name: pauseMetric}}
	rtm.Read(samples)
	if samples[0].Value.Kind() != rtm.KindFloat64Histogram {
		t.Fatalf("%s: got kind %v, want a histogram", pauseMetric, samples[0].Value.Kind())
	}
	edges := samples[0].Value.Float64Histogram().Buckets
	for i := range pauseBounds {
		if !slices.Contains(edges, bound(i)) {
			t.Errorf("bound %v s is none of the runtime's", bound(i))
		}
	}
}

func TestCoarser(t *testing.T) {
	inf := math.Inf(1)
	h := &rtm.Float64Histogram{
		Counts:  []uint64{1, 2, 4, 8, 16, 32},
		Buckets: []float64{-inf, 0, bound(5), 0.02, bound(7), 1.5, inf},
	}
	count, sum, buckets := coarser(h)
	if count != 63 {
		t.Errorf("got count %d, want 63", count)
	}
	if want := 2*bound(5)/2 + 4*(bound(5)+0.02)/2 + 8*(0.02+bound(7))/2 + 16*(bound(7)+1.5)/2 + 32*1.5; math.Abs(sum-want) > 1e-9 {
		t.Errorf("got sum %v, want %v", sum, want)
	}
	want := map[int]uint64{0: 1, 4: 1, 5: 3, 6: 7, 7: 15, 8: 15, 10: 15} // What may be above a bound does not count below it.
	for i, n := range want {
		if got := buckets[bound(i)]; got != n {
			t.Errorf("bucket to %v s: got %d, want %d", bound(i), got, n)
		}
	}
}

// A collection is two pauses at least, and they are counted.
func TestPauses(t *testing.T) {
	count := func() uint64 {
		ch := make(chan prometheus.Metric, 1)
		newPauses().Collect(ch)
		var d dto.Metric
		if err := (<-ch).Write(&d); err != nil {
			t.Fatal(err)
		}
		return d.Histogram.GetSampleCount()
	}
	before := count()
	runtime.GC()
	if after := count(); after < before+2 {
		t.Errorf("got %d pauses after a collection, %d before: want 2 more", after, before)
	}
}
