package meter

import (
	"runtime/metrics"
	"time"
)

// Cost is what the process has spent so far. Its counters only grow.
type Cost struct {
	CPU       time.Duration // of all processors together, in the program and in the kernel on its behalf
	Faults    uint64        // page faults
	Told      bool          // whether the system tells CPU and Faults; else they are 0
	Collector time.Duration // of all processors together: what the garbage collector had of them, as the Go runtime estimates it
	Pauses    Pauses        // in which the collector stopped all goroutines
}

// The metrics of a Cost, in this order. The pauses count from the request to stop until goroutines go on.
const (
	collectorMetric = "/cpu/classes/gc/total:cpu-seconds"
	pausesMetric    = "/sched/pauses/total/gc:seconds"
)

// Costs reads Cost.
type Costs struct{ samples [2]metrics.Sample }

// NewCosts returns a Costs.
func NewCosts() *Costs {
	return &Costs{[2]metrics.Sample{{Name: collectorMetric}, {Name: pausesMetric}}}
}

// Read returns the cost up to now. It allocates the counters of the pauses.
func (c *Costs) Read() Cost {
	var cost Cost
	cost.CPU, cost.Faults, cost.Told = spent()
	metrics.Read(c.samples[:])
	cost.Collector = time.Duration(c.samples[0].Value.Float64() * float64(time.Second))
	cost.Pauses = newPauses(c.samples[1].Value.Float64Histogram())
	return cost
}
