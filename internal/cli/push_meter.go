package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// PushProgress is how a Push goes: counts since its start, rates over the last second or so.
type PushProgress struct {
	Frames     int // sent
	Dropped    int // of a live input, since the connection did not keep up, or there was none
	Reconnects int
	FPS        float64 // frames sent a second
	Mbits      float64 // sent a second, in millions of bits
}

// String returns the figures as a line for the terminal.
func (p PushProgress) String() string {
	return fmt.Sprintf("%s, %s fps, %s Mbit/s, %d dropped, %s", count(p.Frames, "frame"), decimals(p.FPS, 100), decimals(p.Mbits, 100), p.Dropped, count(p.Reconnects, "reconnect"))
}

// PushSummary is the figures of a Push.
type PushSummary struct {
	Frames     int     `json:"frames"`  // sent
	Dropped    int     `json:"dropped"` // of a live input
	Reconnects int     `json:"reconnects"`
	Bytes      int64   `json:"bytes"` // sent
	Seconds    float64 `json:"seconds"`
	FPS        float64 `json:"fps"`    // Frames / Seconds
	Mbits      float64 `json:"mbit_s"` // Bytes * 8 / 1e6 / Seconds

	Warning string `json:"warning,omitempty"` // what a decoder complained of, or the server
	Error   string `json:"error,omitempty"`   // why the run ended early
}

// String returns the line for the terminal.
func (s PushSummary) String() string {
	return fmt.Sprintf("pushed %s in %.2f s (%s fps, %s Mbit/s), %d dropped, %s",
		count(s.Frames, "frame"), s.Seconds, decimals(s.FPS, 100), decimals(s.Mbits, 100), s.Dropped, count(s.Reconnects, "reconnect"))
}

// WriteJSON writes s as one line of JSON.
func (s PushSummary) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

// pushMeter counts what a Push does, and reports it.
type pushMeter struct {
	frames, dropped, reconnects, bytes atomic.Int64
	failed                             atomic.Int64 // frames that the server could not make an image of, as it says

	start     time.Time
	report    func(PushProgress)
	stop      chan struct{}
	reporting sync.WaitGroup
}

// progressInterval is how often progress is reported, progressWindow how many intervals a rate is over.
const (
	progressInterval = 250 * time.Millisecond
	progressWindow   = 4
)

// newPushMeter returns a meter that calls report, unless that is nil, until it is closed.
func newPushMeter(report func(PushProgress)) *pushMeter {
	m := &pushMeter{start: time.Now(), report: report, stop: make(chan struct{})}
	if report != nil {
		m.reporting.Go(m.reportAll)
	}
	return m
}

// sample is what was counted at a time.
type sample struct {
	at            time.Time
	frames, bytes int64
}

func (m *pushMeter) sample() sample { return sample{time.Now(), m.frames.Load(), m.bytes.Load()} }

// back takes back what was sent since then.
func (m *pushMeter) back(then sample) {
	m.frames.Store(then.frames)
	m.bytes.Store(then.bytes)
}

func (m *pushMeter) reportAll() {
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	var window [progressWindow]sample
	for i := range window {
		window[i] = m.sample()
	}
	for i := 0; ; i = (i + 1) % progressWindow {
		select {
		case <-tick.C:
		case <-m.stop:
			return
		}
		now, then := m.sample(), window[i]
		window[i] = now
		seconds := now.at.Sub(then.at).Seconds()
		m.report(PushProgress{
			Frames: int(now.frames), Dropped: int(m.dropped.Load()), Reconnects: int(m.reconnects.Load()),
			FPS: float64(now.frames-then.frames) / seconds, Mbits: float64(now.bytes-then.bytes) * 8 / 1e6 / seconds,
		})
	}
}

// close ends the telling and returns the figures.
func (m *pushMeter) close() PushSummary {
	close(m.stop)
	m.reporting.Wait()
	s := PushSummary{
		Frames: int(m.frames.Load()), Dropped: int(m.dropped.Load()), Reconnects: int(m.reconnects.Load()), Bytes: m.bytes.Load(),
		Seconds: time.Since(m.start).Seconds(),
	}
	if s.Seconds > 0 {
		s.FPS, s.Mbits = float64(s.Frames)/s.Seconds, float64(s.Bytes)*8/1e6/s.Seconds
	}
	if n := m.failed.Load(); n > 0 {
		s.Warning = "the server could make no image of " + count(int(n), "frame") + ": its log says why"
	}
	return s
}
