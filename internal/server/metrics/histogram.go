package metrics

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Histogram counts durations in the buckets of bounds and, eight to the doubling, in those of a Prometheus native
// histogram of schema 3. Observe allocates nothing, which prometheus.Histogram's does for native buckets below one
// second (their index is boxed).
//
// The native buckets reach from about a microsecond to about four minutes; longer and shorter ones count in the outermost.
type Histogram struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair
	classic [len(bounds) + 1]atomic.Uint64
	native  [nativeBuckets]atomic.Uint64
	nanos   atomic.Int64
}

// bounds are the upper bounds of the classic buckets. At 500 ms the latency of a batch raises an alarm; 5 s is the default
// limit of the wait for memory or a turn. Without native histograms, Prometheus cannot tell durations above the last bound
// apart.
var bounds = [...]time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Native bucket i of schema s holds (2^((i-1)/2^s), 2^(i/2^s)] seconds:
// https://prometheus.io/docs/specs/native_histograms/#exponential-native-histogram-buckets.
const (
	schema        = 3
	perDoubling   = 1 << schema
	firstBucket   = -20 * perDoubling // 2^-20 s
	nativeBuckets = 28*perDoubling + 1
)

// newHistogram returns an empty Histogram. labels are constant, as name and value by turns.
func newHistogram(name, help string, labels ...string) *Histogram {
	h := &Histogram{}
	constant := prometheus.Labels{}
	for i := 0; i < len(labels); i += 2 {
		constant[labels[i]] = labels[i+1]
		h.labels = append(h.labels, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	h.desc = prometheus.NewDesc(name, help, nil, constant)
	return h
}

// Observe counts d.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.classic[i].Add(1)
	h.native[nativeBucket(d)].Add(1)
	h.nanos.Add(int64(d))
}

// nativeBucket returns the index of d's bucket, counted from firstBucket.
func nativeBucket(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	i := int(math.Ceil(math.Log2(d.Seconds())*perDoubling)) - firstBucket
	return min(max(i, 0), nativeBuckets-1)
}

// Quantile returns the duration that a share q of the counted ones does not exceed, to within an eighth of a doubling;
// 0 without counts.
func (h *Histogram) Quantile(q float64) time.Duration {
	var counts [nativeBuckets]uint64
	var total uint64
	for i := range counts {
		counts[i] = h.native[i].Load()
		total += counts[i]
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var sum uint64
	for i, n := range counts {
		if sum += n; sum >= rank && sum > 0 {
			return nativeBound(i)
		}
	}
	return 0
}

// Buckets is the number of native buckets.
const Buckets = nativeBuckets

// Bucket returns the upper bound of native bucket i, 0 <= i < Buckets, and how many durations it holds.
func (h *Histogram) Bucket(i int) (upper time.Duration, n uint64) {
	return nativeBound(i), h.native[i].Load()
}

// nativeBound returns the upper bound of native bucket i.
func nativeBound(i int) time.Duration {
	return time.Duration(math.Exp2(float64(i+firstBucket)/perDoubling) * float64(time.Second))
}

// Count returns how many durations were counted.
func (h *Histogram) Count() (sum uint64) {
	for i := range h.classic {
		sum += h.classic[i].Load()
	}
	return sum
}

// Sum returns the sum of the counted durations.
func (h *Histogram) Sum() time.Duration { return time.Duration(h.nanos.Load()) }

// Describe is part of prometheus.Collector.
func (h *Histogram) Describe(ch chan<- *prometheus.Desc) { ch <- h.desc }

// Collect is part of prometheus.Collector.
func (h *Histogram) Collect(ch chan<- prometheus.Metric) { ch <- h }

// Desc is part of prometheus.Metric.
func (h *Histogram) Desc() *prometheus.Desc { return h.desc }

// Write is part of prometheus.Metric.
func (h *Histogram) Write(out *dto.Metric) error {
	d := &dto.Histogram{}
	var count uint64
	for i := range bounds {
		count += h.classic[i].Load()
		upper, n := bounds[i].Seconds(), count
		d.Bucket = append(d.Bucket, &dto.Bucket{UpperBound: &upper, CumulativeCount: &n})
	}
	count += h.classic[len(bounds)].Load()
	sum := h.Sum().Seconds()
	d.SampleCount, d.SampleSum = &count, &sum
	h.writeNative(d)
	out.Histogram, out.Label = d, h.labels
	return nil
}

// writeNative adds the native buckets to d: spans of buckets that are not empty, and the differences from bucket to
// bucket.
func (h *Histogram) writeNative(d *dto.Histogram) {
	s, zeroThreshold, zeroCount := int32(schema), 0.0, uint64(0)
	d.Schema, d.ZeroThreshold, d.ZeroCount = &s, &zeroThreshold, &zeroCount
	next, last := int32(0), int64(0) // next: the index after the last span, as offsets count
	for i := range h.native {
		n := int64(h.native[i].Load())
		if n == 0 {
			continue
		}
		index := int32(i + firstBucket)
		if k := len(d.PositiveSpan); k > 0 && index == next {
			*d.PositiveSpan[k-1].Length++
		} else {
			offset, length := index-next, uint32(1)
			d.PositiveSpan = append(d.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: &length})
		}
		d.PositiveDelta = append(d.PositiveDelta, n-last)
		next, last = index+1, n
	}
	if len(d.PositiveSpan) == 0 { // An empty span says that this is a native histogram with nothing in it.
		offset, length := int32(0), uint32(0)
		d.PositiveSpan = []*dto.BucketSpan{{Offset: &offset, Length: &length}}
	}
}
