package metrics

import (
	"math"
	rtm "runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
)

// pauseMetric is the runtime's histogram of how long the collector stopped the world.
const pauseMetric = "/sched/pauses/total/gc:seconds"

// pauseBounds are the upper bounds of the exported buckets, in nanoseconds. Each is one of the runtime's own, which are four
// to the doubling (timeHistSubBucketBits of package runtime). 5<<21 is 10.5 ms and 3<<24 is 50.3 ms: the target and the alarm
// for a pause. Of go_sched_pauses_total_gc_seconds, which client_golang exports, a bucket reaches from
// 10 to 117 ms.
var pauseBounds = [...]uint64{1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 5 << 21, 3 << 23, 3 << 24, 3 << 25, 1 << 28, 1 << 30}

// pauses exports pauseMetric in those buckets.
type pauses struct{ desc *prometheus.Desc }

func newPauses() pauses {
	return pauses{prometheus.NewDesc("steadyframe_gc_pause_seconds",
		"How long garbage collections stopped the world, each from the decision until it ran again; the sum is estimated.", nil, nil)}
}

// Describe is part of prometheus.Collector.
func (c pauses) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect is part of prometheus.Collector.
func (c pauses) Collect(ch chan<- prometheus.Metric) {
	samples := []rtm.Sample{{Name: pauseMetric}}
	rtm.Read(samples)
	if samples[0].Value.Kind() != rtm.KindFloat64Histogram {
		return // A later Go may have another.
	}
	count, sum, buckets := coarser(samples[0].Value.Float64Histogram())
	ch <- prometheus.MustNewConstHistogram(c.desc, count, sum, buckets)
}

// coarser returns h in the buckets of pauseBounds, cumulative and by upper bound in seconds. The sum takes each value as the
// middle of its bucket in h.
func coarser(h *rtm.Float64Histogram) (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(pauseBounds))
	next := 0
	for i, n := range h.Counts {
		lower, upper := h.Buckets[i], h.Buckets[i+1]
		for next < len(pauseBounds) && bound(next) < upper {
			buckets[bound(next)] = count
			next++
		}
		count += n
		switch {
		case math.IsInf(lower, -1):
			sum += float64(n) * upper
		case math.IsInf(upper, 1):
			sum += float64(n) * lower
		default:
			sum += float64(n) * (lower + upper) / 2
		}
	}
	for ; next < len(pauseBounds); next++ {
		buckets[bound(next)] = count
	}
	return count, sum, buckets
}

// bound returns pauseBounds[i] in seconds, rounded as the runtime rounds its own.
func bound(i int) float64 { return float64(pauseBounds[i]) / 1e9 }
