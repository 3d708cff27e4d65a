package metrics_test

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestProcessAllocations: Process is read every few seconds for as long as a server runs, so that what it makes counts for frames. It
// opens a file: 8 objects. The collector of Prometheus made 420.
func TestProcessAllocations(t *testing.T) {
	m := metrics.New()
	if objects, _ := alloctest.Measure(t, 20, func() { m.Process() }); objects > 20*20 {
		t.Errorf("got %d objects for 20 calls, want 20 each at most", objects)
	}
}
