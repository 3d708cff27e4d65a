package metrics

import "github.com/prometheus/client_golang/prometheus"

// PipelineStats counts compiled pipelines.
type PipelineStats struct {
	Kept              int
	Bytes             int64 // of those kept: tables and scratch
	Compiled, Evicted uint64
}

// pipelines exports PipelineStats each time it is collected.
type pipelines struct {
	read                    func() PipelineStats
	kept, compiled, evicted *prometheus.Desc
}

// NewPipelines returns a collector of what read returns.
func NewPipelines(read func() PipelineStats) prometheus.Collector {
	return pipelines{
		read:     read,
		kept:     prometheus.NewDesc("steadyframe_pipelines", "Compiled pipelines that are kept.", nil, nil),
		compiled: prometheus.NewDesc("steadyframe_pipelines_compiled_total", "Pipelines compiled.", nil, nil),
		evicted:  prometheus.NewDesc("steadyframe_pipelines_evicted_total", "Pipelines dropped for others, or because they were not used.", nil, nil),
	}
}

// Describe is part of prometheus.Collector.
func (c pipelines) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.kept
	ch <- c.compiled
	ch <- c.evicted
}

// Collect is part of prometheus.Collector.
func (c pipelines) Collect(ch chan<- prometheus.Metric) {
	s := c.read()
	ch <- prometheus.MustNewConstMetric(c.kept, prometheus.GaugeValue, float64(s.Kept))
	ch <- prometheus.MustNewConstMetric(c.compiled, prometheus.CounterValue, float64(s.Compiled))
	ch <- prometheus.MustNewConstMetric(c.evicted, prometheus.CounterValue, float64(s.Evicted))
}
