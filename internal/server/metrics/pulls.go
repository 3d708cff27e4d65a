package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// mostHops is above the number of hops of any pull.
const mostHops = 64

// pulls counts the streams of other servers that are shown here: those of the cluster, and those of sources grpc://.
type pulls struct {
	running [mostHops]atomic.Int64 // by the hops from the publisher's node, those of this server counted
	begun, failed,
	redirected, takeovers prometheus.Counter
	age   *Histogram
	bytes atomic.Uint64
}

// newPulls returns the counters, and what is to be registered.
func newPulls() (*pulls, []prometheus.Collector) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "steadyframe_" + name, Help: help})
	}
	p := &pulls{
		begun:      counter("pulls_begun_total", "Pulls of streams from other servers that began."),
		failed:     counter("pull_failures_total", "Pulls that the other server refused, or that broke off, and were to be tried again."),
		redirected: counter("pull_redirects_total", "Nodes that wanted to pull a stream from here and were told to ask another, since as many as may be do."),
		takeovers:  counter("takeovers_total", "Publishers that were replaced by one of the same stream on another node."),
		age:        newHistogram("steadyframe_pull_age_seconds", "From the capture of a frame until its image, pulled from another server, arrived here; repeats do not count."),
	}
	gauge := func(name, help string, read func() int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "steadyframe_" + name, Help: help}, func() float64 { return float64(read()) })
	}
	return p, []prometheus.Collector{
		p.begun, p.failed, p.redirected, p.takeovers, p.age,
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "steadyframe_pulled_bytes_total", Help: "Bytes of images that came from other servers."},
			func() float64 { return float64(p.bytes.Load()) }),
		gauge("pulls", "Streams that are being pulled from other servers.", p.count),
		gauge("pull_hops", "The most hops of a stream that is being pulled, from its publisher's server to this one; 0 without any.", p.deepest),
	}
}

// at returns the counter of the pulls with so many hops.
func (p *pulls) at(hops int) *atomic.Int64 { return &p.running[min(max(hops, 0), mostHops-1)] }

// count returns how many there are.
func (p *pulls) count() (n int64) {
	for i := range p.running {
		n += p.running[i].Load()
	}
	return n
}

// deepest returns the most hops of one.
func (p *pulls) deepest() int64 {
	for i := mostHops - 1; i > 0; i-- {
		if p.running[i].Load() > 0 {
			return int64(i)
		}
	}
	return 0
}

// PullBegan counts a pull from another server, of a stream that is so many hops from its publisher's server: 1, when it comes from
// that one. PullEnded ends it.
func (m *Metrics) PullBegan(hops int) {
	m.pulls.begun.Inc()
	m.pulls.at(hops).Add(1)
}

// PullMoved counts that the hops of a pull, which goes on, are others now.
func (m *Metrics) PullMoved(from, to int) {
	m.pulls.at(to).Add(1)
	m.pulls.at(from).Add(-1)
}

// PullEnded counts the end of a pull, with the hops that it had last.
func (m *Metrics) PullEnded(hops int) { m.pulls.at(hops).Add(-1) }

// PullFailed counts that another server refused a pull, or that one broke off.
func (m *Metrics) PullFailed() { m.pulls.failed.Inc() }

// Pulls returns how many there are.
func (m *Metrics) Pulls() int { return int(m.pulls.count()) }

// Arrived counts the age of an image when it arrived from another server: the time since the capture of its frame.
func (m *Metrics) Arrived(age time.Duration) { m.pulls.age.Observe(max(age, 0)) }

// Pulled counts the bytes of an image that came from another server.
func (m *Metrics) Pulled(bytes int) { m.pulls.bytes.Add(uint64(bytes)) }

// PulledBytes returns the sum of those.
func (m *Metrics) PulledBytes() uint64 { return m.pulls.bytes.Load() }

// Redirected counts that a node which wanted to pull from here was told to ask another.
func (m *Metrics) Redirected() { m.pulls.redirected.Inc() }

// TookOver counts that a publisher here was replaced by one on another node.
func (m *Metrics) TookOver() { m.pulls.takeovers.Inc() }
