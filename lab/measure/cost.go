package measure

import (
	"runtime/metrics"
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
