package metrics

import "github.com/prometheus/client_golang/prometheus"

// Memory is what the memory of the process is used for, in bytes.
type Memory struct {
	Held   []MemoryUse // each byte once: the sum is about Total
	Leased []MemoryUse // parts of the pool, and what is promised of it; they may overlap
	Total  int64       // what Go has from the system and has not returned
}

// MemoryUse is the bytes of one kind.
type MemoryUse struct {
	Kind  string
	Bytes int64
}

// memory exports a Memory each time it is collected.
type memory struct {
	read                func() Memory
	held, leased, total *prometheus.Desc
}

// NewMemory returns a collector of what read returns.
func NewMemory(read func() Memory) prometheus.Collector {
	return memory{
		read: read,
		held: prometheus.NewDesc("steadyframe_memory_bytes",
			"What memory is used for. The kinds add up to what Go holds, steadyframe_memory_total_bytes.", []string{"kind"}, nil),
		leased: prometheus.NewDesc("steadyframe_memory_leased_bytes",
			"Parts of the pool that are leased (in use) or promised (grants), and what holds them. They may overlap.", []string{"kind"}, nil),
		total: prometheus.NewDesc("steadyframe_memory_total_bytes",
			"Memory that Go has from the system and has not returned.", nil, nil),
	}
}

// Describe is part of prometheus.Collector.
func (c memory) Describe(ch chan<- *prometheus.Desc) { ch <- c.held; ch <- c.leased; ch <- c.total }

// Collect is part of prometheus.Collector.
func (c memory) Collect(ch chan<- prometheus.Metric) {
	m := c.read()
	for _, u := range m.Held {
		ch <- prometheus.MustNewConstMetric(c.held, prometheus.GaugeValue, float64(u.Bytes), u.Kind)
	}
	for _, u := range m.Leased {
		ch <- prometheus.MustNewConstMetric(c.leased, prometheus.GaugeValue, float64(u.Bytes), u.Kind)
	}
	ch <- prometheus.MustNewConstMetric(c.total, prometheus.GaugeValue, float64(m.Total))
}
