//go:build !linux

package metrics

import "github.com/prometheus/client_golang/prometheus"

// processReader reads the process's use of the machine by the collector of Prometheus, which knows other systems.
type processReader struct{ registry *prometheus.Registry }

func newProcessReader(c prometheus.Collector) processReader {
	r := processReader{prometheus.NewRegistry()}
	r.registry.MustRegister(c)
	return r
}

// read is Process.
func (r processReader) read() (resident uint64, cpu float64) {
	families, _ := r.registry.Gather() // What could not be read is missing.
	for _, f := range families {
		switch {
		case len(f.Metric) != 1:
		case f.GetName() == "process_resident_memory_bytes":
			resident = uint64(f.Metric[0].GetGauge().GetValue())
		case f.GetName() == "process_cpu_seconds_total":
			cpu = f.Metric[0].GetCounter().GetValue()
		}
	}
	return resident, cpu
}
