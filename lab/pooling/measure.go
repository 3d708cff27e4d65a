package pooling

import (
	"runtime/metrics"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
	"github.com/steadyframe/steadyframe/lab/measure"
)

// measurement is what the process uses over a time.
type measurement struct {
	usage *meter.Meter
	costs *measure.Costs
	line  *heapLine

	began, ended time.Time
	first, last  reading
	peak         *float64 // RSS
	held         uint64
}

// reading is the counters at a time.
type reading struct {
	usage meter.Usage
	cost  measure.Cost
}

func newMeasurement() *measurement {
	return &measurement{usage: meter.NewMeter(), costs: measure.NewCosts(), line: newHeapLine()}
}

func (m *measurement) close() { m.usage.Close() }

// start begins the time.
func (m *measurement) start() {
	measure.ResetPeakRSS() // where that can't be done, the warm-up is part of the peak
	m.first.cost, m.first.usage = m.costs.Read(), m.usage.Read()
	m.began = time.Now()
	go m.line.run(m.began)
}

// end ends the time.
func (m *measurement) end() {
	m.ended = time.Now()
	m.last.usage, m.last.cost = m.usage.Read(), m.costs.Read()
	m.line.finish()
	if peak, ok := measure.PeakRSS(); ok {
		bytes := float64(peak)
		m.peak = &bytes
	}
	_, m.held = m.line.heap.Read()
}

// report sets what it has measured, over so many frames.
func (m *measurement) report(res *turnResult, frames float64) {
	seconds := m.ended.Sub(m.began).Seconds()
	res.FPS = frames / seconds
	res.AllocsPerFrame = float64(m.last.usage.Allocs-m.first.usage.Allocs) / frames
	res.BytesPerFrame = float64(m.last.usage.AllocBytes-m.first.usage.AllocBytes) / frames
	res.AllocsPerSecond, res.BytesPerSecond = res.AllocsPerFrame*res.FPS, res.BytesPerFrame*res.FPS
	res.Collections = float64(m.last.usage.Collections - m.first.usage.Collections)
	res.CollectionsPerSecond = res.Collections / seconds
	if pauses := m.last.cost.Pauses.Since(m.first.cost.Pauses); pauses.Count() > 0 {
		res.PauseP99, res.PauseMax = microseconds(pauses.Quantile(0.99)), microseconds(pauses.Max())
	}
	if busy := m.last.cost.Busy - m.first.cost.Busy; busy > 0 {
		res.CollectorFraction = float64(m.last.cost.Collector-m.first.cost.Collector) / float64(busy)
	}
	if m.first.cost.Told {
		cpu := (m.last.cost.CPU - m.first.cost.CPU).Seconds() / frames * 1000
		faults := float64(m.last.cost.Faults - m.first.cost.Faults)
		perFrame := faults / frames
		res.CPU, res.PageFaults, res.FaultsPerFrame = &cpu, &faults, &perFrame
	}
	res.RSSPeak, res.Held = m.peak, m.held
	res.GOGC, res.MemoryLimit = limits()
}

func microseconds(d time.Duration) *float64 {
	us := float64(d) / float64(time.Microsecond)
	return &us
}

// limits returns GOGC and GOMEMLIMIT as the runtime has them; the largest integers are off.
func limits() (gogc, memory uint64) {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}
