package metrics

import (
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// value returns what a metric without labels is, of a histogram how much was counted.
func value(t *testing.T, m *Metrics, name string) float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		v := f.Metric[0]
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			return v.GetCounter().GetValue()
		case dto.MetricType_GAUGE:
			return v.GetGauge().GetValue()
		default:
			return float64(v.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

func TestPulls(t *testing.T) {
	m := New()
	want := func(name string, n float64) {
		t.Helper()
		if got := value(t, m, "steadyframe_"+name); got != n {
			t.Errorf("steadyframe_%s: got %v, want %v", name, got, n)
		}
	}
	want("pulls", 0)
	want("pull_hops", 0)
	m.PullBegan(1)
	m.PullBegan(3)
	m.PullBegan(mostHops + 7) // which no server says that is well
	want("pulls", 3)
	want("pull_hops", mostHops-1)
	m.PullEnded(mostHops + 7)
	want("pull_hops", 3)
	m.PullMoved(3, 2)
	want("pull_hops", 2)
	m.PullEnded(2)
	want("pulls", 1)
	want("pull_hops", 1)
	m.PullEnded(1)
	want("pulls", 0)
	want("pull_hops", 0)
	want("pulls_begun_total", 3)

	m.PullFailed()
	want("pull_failures_total", 1)
	m.Redirected()
	m.Redirected()
	want("pull_redirects_total", 2)
	m.TookOver()
	want("takeovers_total", 1)
	m.Pulled(300)
	m.Pulled(200)
	want("pulled_bytes_total", 500)
	m.Arrived(40 * time.Millisecond)
	m.Arrived(-time.Second) // of a clock that is ahead
	want("pull_age_seconds", 2)
}

func TestPullsAllocateNothing(t *testing.T) {
	m := New()
	alloctest.Zero(t, 1000, func() {
		m.PullBegan(1)
		m.PullMoved(1, 2)
		m.Arrived(time.Millisecond)
		m.Pulled(1000)
		m.PullFailed()
		m.Redirected()
		m.TookOver()
		m.PullEnded(2)
	})
}
