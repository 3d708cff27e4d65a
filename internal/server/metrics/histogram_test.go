package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestHistogramIsPrometheus: what Histogram exports is what prometheus.Histogram does of the same observations, classic
// and native.
func TestHistogramIsPrometheus(t *testing.T) {
	bounds64 := make([]float64, len(bounds))
	for i := range bounds {
		bounds64[i] = bounds[i].Seconds()
	}
	want := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", Help: "x", Buckets: bounds64, NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: prometheus.NativeHistogramZeroThresholdZero,
	})
	got := newHistogram("x", "x", "stage", "run")
	rng := rand.New(rand.NewPCG(3, 4))
	durations := []time.Duration{time.Microsecond, time.Millisecond, 250 * time.Microsecond, 250*time.Microsecond + 1, 250 * time.Millisecond, time.Minute, time.Second, 2 * time.Second}
	for range 2000 {
		durations = append(durations, time.Duration(math.Exp(rng.NormFloat64()*2)*float64(time.Millisecond)))
	}
	for _, d := range durations {
		got.Observe(d)
		want.Observe(d.Seconds())
	}
	var g, w dto.Metric
	if err := got.Write(&g); err != nil {
		t.Fatal(err)
	}
	if err := want.Write(&w); err != nil {
		t.Fatal(err)
	}
	a, b := g.Histogram, w.Histogram
	if a.GetSampleCount() != b.GetSampleCount() || math.Abs(a.GetSampleSum()-b.GetSampleSum()) > 1e-6 || a.GetSchema() != b.GetSchema() {
		t.Errorf("got count %d, sum %v, schema %d, want %d, %v, %d", a.GetSampleCount(), a.GetSampleSum(), a.GetSchema(), b.GetSampleCount(), b.GetSampleSum(), b.GetSchema())
	}
	for i := range b.Bucket {
		if a.Bucket[i].GetUpperBound() != b.Bucket[i].GetUpperBound() || a.Bucket[i].GetCumulativeCount() != b.Bucket[i].GetCumulativeCount() {
			t.Errorf("bucket %d: got %v, want %v", i, a.Bucket[i], b.Bucket[i])
		}
	}
	have, wanted := expand(a), expand(b)
	if len(have) != len(wanted) {
		t.Errorf("got %d native buckets, want %d", len(have), len(wanted))
	}
	for i, n := range wanted {
		if have[i] != n {
			t.Errorf("native bucket %d: got %d, want %d", i, have[i], n)
		}
	}
	if len(g.Label) != 1 || g.Label[0].GetName() != "stage" || g.Label[0].GetValue() != "run" {
		t.Errorf("got labels %v, want stage=run", g.Label)
	}
}

// expand returns the native buckets that hold something, by index.
func expand(h *dto.Histogram) map[int32]int64 {
	out := map[int32]int64{}
	index, count, k := int32(0), int64(0), 0
	for i, span := range h.PositiveSpan {
		index += span.GetOffset()
		if i > 0 && span.GetOffset() < 0 {
			return nil
		}
		for range span.GetLength() {
			count += h.PositiveDelta[k]
			k++
			if count != 0 {
				out[index] = count
			}
			index++
		}
	}
	return out
}

func TestQuantile(t *testing.T) {
	h := newHistogram("x", "x")
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("got %v of nothing, want 0", got)
	}
	for i := range 1000 {
		h.Observe(time.Duration(i+1) * time.Millisecond)
	}
	for _, q := range []float64{0.01, 0.5, 0.99, 1} {
		want := q * 1000
		if got := float64(h.Quantile(q)) / float64(time.Millisecond); got < want || got > want*math.Exp2(1.0/perDoubling)*1.001 {
			t.Errorf("quantile %v: got %v ms, want %v to an eighth of a doubling more", q, got, want)
		}
	}
	h.Observe(-time.Second)
	h.Observe(365 * 24 * time.Hour)
	if got := h.Count(); got != 1002 {
		t.Errorf("got %d counted, want 1002", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := New()
	alloctest.Zero(t, 100, func() {
		m.FrameOK(3)
		m.FrameFailed(fault.Busy, 1)
		m.Rejected(fault.Slow)
		m.Took(Run, 700*time.Microsecond)
		m.Waited(time.Millisecond)
		m.Served(time.Millisecond)
	})
}

func TestEmptyHistogramIsNative(t *testing.T) {
	var d dto.Metric
	if err := newHistogram("x", "x").Write(&d); err != nil {
		t.Fatal(err)
	}
	if h := d.Histogram; len(h.PositiveSpan) != 1 || h.PositiveSpan[0].GetLength() != 0 || h.GetSampleCount() != 0 {
		t.Errorf("got %v, want one empty span", h)
	}
}
