package measure

import (
	"math"
	"runtime/metrics"
	"slices"
	"time"
)

// Cost is what the process has spent so far. Its counters only grow.
type Cost struct {
	CPU    time.Duration // of all processors together, in the program and in the kernel on its behalf
	Faults uint64        // page faults
	Told   bool          // whether the system tells CPU and Faults; else they are 0
	Pauses Pauses        // in which the collector stopped all goroutines

	// As the Go runtime estimates it, of all processors together, by the clock, and up to the last collection: how long the
	// garbage collector had them, and how long anything had them. Where other programs want them too, that is longer than what
	// CPU counts: the share of Collector is that of Busy.
	Collector, Busy time.Duration
}

// The metrics of a Cost, in this order. The pauses count from the request to stop until goroutines go on.
const (
	collectorMetric = "/cpu/classes/gc/total:cpu-seconds"
	totalMetric     = "/cpu/classes/total:cpu-seconds"
	idleMetric      = "/cpu/classes/idle:cpu-seconds"
	pausesMetric    = "/sched/pauses/total/gc:seconds"
)

// Costs reads Cost.
type Costs struct{ samples [4]metrics.Sample }

// NewCosts returns a Costs.
func NewCosts() *Costs {
	return &Costs{[4]metrics.Sample{{Name: collectorMetric}, {Name: totalMetric}, {Name: idleMetric}, {Name: pausesMetric}}}
}

// Read returns the cost up to now. It allocates the counters of the pauses.
func (c *Costs) Read() Cost {
	var cost Cost
	cost.CPU, cost.Faults, cost.Told = spent()
	metrics.Read(c.samples[:])
	seconds := func(i int) time.Duration { return time.Duration(c.samples[i].Value.Float64() * float64(time.Second)) }
	cost.Collector, cost.Busy = seconds(0), seconds(1)-seconds(2)
	cost.Pauses = newPauses(c.samples[3].Value.Float64Histogram())
	return cost
}

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
