package metrics_test

import (
	"math"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// TestProcess: what Process says is what the collector of Prometheus says.
func TestProcess(t *testing.T) {
	m := metrics.New()
	want := map[string]float64{}
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "process_resident_memory_bytes":
			want[f.GetName()] = f.Metric[0].GetGauge().GetValue()
		case "process_cpu_seconds_total":
			want[f.GetName()] = f.Metric[0].GetCounter().GetValue()
		}
	}
	resident, cpu := m.Process()
	if was := want["process_resident_memory_bytes"]; float64(resident) < was/2 || float64(resident) > 2*was+64<<20 {
		t.Errorf("got %d bytes resident, want about %.0f", resident, was)
	}
	if was := want["process_cpu_seconds_total"]; cpu < was-0.05 || cpu > was+5 || math.IsNaN(cpu) {
		t.Errorf("got %.3f s of processor time, want %.3f or a little more", cpu, was)
	}
}
