package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// LoadProgress is the figures of the last second, and, where it says so, of all since the warm-up.
type LoadProgress struct {
	Elapsed        time.Duration // since the first batch was due
	FPS            float64       // frames answered in the last second
	P50, P99       float64       // milliseconds from when a batch is due to its response; since the warm-up
	AllocsPerFrame float64       // of the whole process, client and server, in the last second
	Collections    int           // since the warm-up
	Errors         int           // frames without an image, so far
	RSS            uint64        // bytes resident now
}

// String returns the line for the terminal.
func (p LoadProgress) String() string {
	latency := "warming up" // aligned with what comes then
	if p.P99 > 0 {
		latency = fmt.Sprintf("p50 %5.1f ms  p99 %5.1f ms", p.P50, p.P99)
	}
	s := fmt.Sprintf("%4.0f s  %6.1f fps   round trip %-26s  %4.1f allocs/frame   %-13s  RSS %3.0f MiB",
		p.Elapsed.Seconds(), p.FPS, latency, p.AllocsPerFrame, count(p.Collections, "collection"), mebibytes(p.RSS))
	if p.Errors > 0 {
		s += "   " + count(p.Errors, "error")
	}
	return s
}

// LoadSummary is the figures of a whole load. All but Frames, Batches, Seconds, FPS and Errors leave out the warm-up, and are 0 when there was
// nothing else.
type LoadSummary struct {
	Frames         int      `json:"frames"`
	Batches        int      `json:"batches"`
	Seconds        float64  `json:"seconds"`      // from when the first batch was due to the last response
	FPS            float64  `json:"fps"`          // from the first response to the last; 0 for one
	P50            float64  `json:"batch_p50_ms"` // from when a batch is due to its response
	P99            float64  `json:"batch_p99_ms"`
	Max            float64  `json:"batch_max_ms"`
	Errors         int      `json:"errors"`           // frames without an image
	AllocsPerFrame float64  `json:"allocs_per_frame"` // heap objects of the whole process, client and server
	BytesPerFrame  float64  `json:"bytes_per_frame"`  // and their bytes
	Collections    int      `json:"collections"`
	RSS            uint64   `json:"rss_bytes"`          // at the end
	MaxRSS         uint64   `json:"rss_max_bytes"`      // of one sample a second
	RSSSlope       *float64 `json:"rss_mib_per_minute"` // of the line through the last five minutes of them; nil for less than one
	Error          string   `json:"error,omitempty"`    // why the load ended early
}

// String returns the lines for the terminal.
func (s LoadSummary) String() string {
	var b strings.Builder
	rate := ""
	if s.Batches > 1 { // It counts from the first response.
		rate = fmt.Sprintf(" (%.1f fps)", s.FPS)
	}
	fmt.Fprintf(&b, "%s in %s in %.1f s%s, %s\n", count(s.Frames, "frame"), countOf(s.Batches, "batch", "batches"), s.Seconds, rate, count(s.Errors, "error"))
	if s.Batches <= warmBatches {
		fmt.Fprintf(&b, "too short for more: the first %d batches set things up", warmBatches)
		return b.String()
	}
	fmt.Fprintf(&b, "round trip of a batch, from when it is due: p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", s.P50, s.P99, s.Max)
	fmt.Fprintf(&b, "client and server: %.1f allocs/frame (%.0f bytes), %s, RSS %.0f MiB (at most %.0f",
		s.AllocsPerFrame, s.BytesPerFrame, count(s.Collections, "collection"), mebibytes(s.RSS), mebibytes(s.MaxRSS))
	if s.RSSSlope != nil {
		fmt.Fprintf(&b, ", %+.2f a minute", *s.RSSSlope)
	}
	b.WriteString(")")
	return b.String()
}

// WriteJSON writes s as one line of JSON.
func (s LoadSummary) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

// loadMeter collects the figures of a load. It reports once a second.
type loadMeter struct {
	report func(LoadProgress)
	phase  time.Duration // from a response to a report
	began  chan struct{} // closed by the first response
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex // of all below
	usage   *meter.Meter
	latency *meter.Latency // of a batch
	start   time.Time      // when the first batch was due
	end     time.Time      // of the last response
	batches int
	frames  int
	first   struct { // the first response
		at     time.Time
		frames int
	}
	errors   int
	warm     meter.Usage
	warmed   int // frames of the warm-up
	last     meter.Usage
	seconds  meter.Trend
	lastTick struct {
		at     time.Time
		frames int
		usage  meter.Usage
	}
}

// newLoadMeter returns a meter that reports half-way between two batches that are interval apart, so that each second has as many of them.
func newLoadMeter(interval time.Duration, report func(LoadProgress)) *loadMeter {
	m := &loadMeter{
		report: report, phase: interval / 2, usage: meter.NewMeter(), latency: meter.NewLatency(),
		began: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go m.tick()
	return m
}

func (m *loadMeter) close() {
	close(m.stop)
	<-m.done
	m.usage.Close()
}

// answered counts a response that came now.
func (m *loadMeter) answered(frames, failed int, latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end = time.Now()
	if m.batches == 0 {
		m.start = m.end.Add(-latency)
		m.first.at, m.first.frames = m.end, frames
		close(m.began)
	}
	m.batches++
	m.frames += frames
	m.errors += failed
	m.last = m.usage.Read()
	if m.batches <= warmBatches {
		m.warm, m.warmed = m.last, m.frames
		return
	}
	m.latency.Record(latency, 1)
}

// tick reports once a second until the meter is closed.
func (m *loadMeter) tick() {
	defer close(m.done)
	select {
	case <-m.began:
	case <-m.stop:
		return
	}
	timer := time.NewTimer(m.phase)
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-timer.C:
			timer.Reset(time.Second)
			if p := m.progress(); !first && m.report != nil {
				m.report(p)
			}
		case <-m.stop:
			return
		}
	}
}

// progress returns the figures of the time since its last call.
func (m *loadMeter) progress() LoadProgress {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, usage := time.Now(), m.usage.Read()
	if m.batches >= warmBatches {
		m.seconds.Add(now.Sub(m.start).Minutes(), mebibytes(usage.RSS))
	}
	p := LoadProgress{
		Elapsed:     now.Sub(m.start),
		FPS:         float64(m.frames-m.lastTick.frames) / now.Sub(m.lastTick.at).Seconds(),
		P50:         milliseconds(m.latency, 0.5),
		P99:         milliseconds(m.latency, 0.99),
		Collections: int(usage.Collections - m.warm.Collections),
		Errors:      m.errors,
		RSS:         usage.RSS,
	}
	if n := m.frames - m.lastTick.frames; n > 0 {
		p.AllocsPerFrame = float64(usage.Allocs-m.lastTick.usage.Allocs) / float64(n)
	}
	m.lastTick.at, m.lastTick.frames, m.lastTick.usage = now, m.frames, usage
	return p
}

// summary returns the figures of all.
func (m *loadMeter) summary() LoadSummary {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := LoadSummary{Frames: m.frames, Batches: m.batches, Errors: m.errors}
	if m.batches == 0 {
		return s
	}
	s.Seconds = m.end.Sub(m.start).Seconds()
	if m.batches > 1 {
		s.FPS = float64(m.frames-m.first.frames) / m.end.Sub(m.first.at).Seconds()
	}
	s.P50, s.P99 = milliseconds(m.latency, 0.5), milliseconds(m.latency, 0.99)
	s.Max = meter.Milliseconds(m.latency.Max())
	if n := float64(m.frames - m.warmed); n > 0 {
		s.AllocsPerFrame = float64(m.last.Allocs-m.warm.Allocs) / n
		s.BytesPerFrame = float64(m.last.AllocBytes-m.warm.AllocBytes) / n
	}
	s.Collections = int(m.last.Collections - m.warm.Collections)
	s.RSS = m.last.RSS
	s.MaxRSS = max(uint64(m.seconds.Max()*(1<<20)), s.RSS)
	if m.seconds.Len() >= 60 { // a minute
		slope := m.seconds.Slope()
		s.RSSSlope = &slope
	}
	return s
}

func milliseconds(l *meter.Latency, quantile float64) float64 {
	return meter.Milliseconds(l.Quantile(quantile))
}
