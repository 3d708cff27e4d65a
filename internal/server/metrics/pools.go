package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/steadyframe/steadyframe/pool"
)

// Pools exports the statistics of a pool each time it is collected.
type Pools struct {
	stats func() pool.Stats

	gets, puts, misses, discards, buffers          *prometheus.Desc
	inUse, idle, pinned, budget, admitted, waiting *prometheus.Desc
	refused                                        *prometheus.Desc
}

// NewPools returns a collector of what stats returns.
func NewPools(stats func() pool.Stats) *Pools {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("steadyframe_pool_"+name, help, labels, nil)
	}
	return &Pools{
		stats:    stats,
		gets:     desc("gets_total", "Leases begun, by size class in bytes.", "class"),
		puts:     desc("puts_total", "Leases ended, by size class in bytes.", "class"),
		misses:   desc("misses_total", "Gets that found no idle buffer and made one, by size class in bytes.", "class"),
		discards: desc("discards_total", "Buffers that ended: collected while idle, evicted for the budget, or lost by a missing Release.", "reason"),
		buffers:  desc("buffers", "Buffers held, by size class in bytes, and whether they are leased (in_use) or idle.", "class", "state"),
		inUse:    desc("in_use_bytes", "Bytes leased."),
		idle:     desc("idle_bytes", "Bytes held and not leased."),
		pinned:   desc("pinned_bytes", "Bytes that the floor keeps through garbage collections."),
		budget:   desc("budget_bytes", "The most that leased and idle buffers may be together."),
		admitted: desc("admitted_bytes", "Bytes that requests in flight may lease."),
		waiting:  desc("waiting", "Requests that wait for memory."),
		refused:  desc("refused_total", "Gets refused by the budget."),
	}
}

// Describe is part of prometheus.Collector.
func (c *Pools) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is part of prometheus.Collector.
func (c *Pools) Collect(ch chan<- prometheus.Metric) {
	s := c.stats()
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	var discards pool.Discards
	for _, cs := range s.Classes {
		class := strconv.Itoa(cs.Size)
		count(c.gets, cs.Gets, class)
		count(c.puts, cs.Puts, class)
		count(c.misses, cs.Misses, class)
		gauge(c.buffers, cs.InUse, class, "in_use")
		gauge(c.buffers, cs.Idle, class, "idle")
		for r, n := range cs.Discards {
			discards[r] += n
		}
	}
	for r, n := range discards {
		count(c.discards, n, pool.DiscardReason(r).String())
	}
	count(c.refused, s.Refused)
	gauge(c.inUse, s.InUse)
	gauge(c.idle, s.Idle)
	gauge(c.pinned, s.Pinned)
	gauge(c.budget, s.Budget)
	gauge(c.admitted, s.Admitted)
	gauge(c.waiting, int64(s.Waiting))
}
