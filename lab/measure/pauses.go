package measure

import (
	"math"
	"runtime/metrics"
	"slices"
	"time"
)

// Pauses is a distribution of pauses as the Go runtime counts them: in buckets, of which each is about an eighth wider than
// the one before. What it says is the upper end of a bucket, so that no pause was longer.
type Pauses struct {
	counts []uint64
	edges  []float64 // seconds; bucket i lies between edges i and i+1
}

func newPauses(h *metrics.Float64Histogram) Pauses {
	return Pauses{counts: slices.Clone(h.Counts), edges: h.Buckets} // the runtime never changes the edges
}

// Since returns the pauses that p counts and earlier, a reading of the same process, does not.
func (p Pauses) Since(earlier Pauses) Pauses {
	d := Pauses{counts: slices.Clone(p.counts), edges: p.edges}
	for i := range earlier.counts {
		d.counts[i] -= earlier.counts[i]
	}
	return d
}

// Count returns how many there were.
func (p Pauses) Count() (n uint64) {
	for _, c := range p.counts {
		n += c
	}
	return n
}

// Quantile returns the time that a fraction q, of 0..1, of all pauses did not exceed; 0 for none.
func (p Pauses) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(p.Count())))
	var seen uint64
	for i, c := range p.counts {
		seen += c
		if c > 0 && seen >= rank {
			edge := p.edges[i+1]
			if math.IsInf(edge, 1) {
				edge = p.edges[i]
			}
			return time.Duration(edge * float64(time.Second))
		}
	}
	return 0
}

// Max returns the longest, 0 for none.
func (p Pauses) Max() time.Duration { return p.Quantile(1) }
