package meter

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is a distribution of times from a microsecond to an hour, to 3 significant digits. It is for one goroutine at
// a time. Record times from when the work was due, not from when it was begun: a program that falls behind begins late.
type Latency struct{ histogram *hdrhistogram.Histogram }

// NewLatency returns an empty Latency.
func NewLatency() *Latency { return &Latency{hdrhistogram.New(1, time.Hour.Microseconds(), 3)} }

// Record counts n things of which each took d. It allocates nothing.
func (l *Latency) Record(d time.Duration, n int) {
	_ = l.histogram.RecordValues(min(max(d.Microseconds(), 1), time.Hour.Microseconds()), int64(n)) // it fails only outside of that range
}

// Count returns how many were recorded.
func (l *Latency) Count() int { return int(l.histogram.TotalCount()) }

// Quantile returns the time that a fraction q, of 0..1, of all did not exceed; 0 for none. The histogram rounds to the nearest
// of them: of 72, 71 would be 99 %.
func (l *Latency) Quantile(q float64) time.Duration {
	n := float64(l.histogram.TotalCount())
	if n == 0 {
		return 0
	}
	rank := math.Ceil(q*n - 1e-9*n) // less the rounding error of q*n
	return time.Duration(l.histogram.ValueAtQuantile(rank/n*100)) * time.Microsecond
}

// Max returns the longest.
func (l *Latency) Max() time.Duration { return time.Duration(l.histogram.Max()) * time.Microsecond }

// Merge counts all of other's as well.
func (l *Latency) Merge(other *Latency) { l.histogram.Merge(other.histogram) }

// Reset makes l empty. It allocates nothing.
func (l *Latency) Reset() { l.histogram.Reset() }

// Milliseconds returns d as a number of milliseconds, as tables and JSON have it.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
