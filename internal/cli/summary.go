package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// Summary is the figures of a run.
type Summary struct {
	Frames  int     `json:"frames"`  // images written
	Seconds float64 `json:"seconds"` // from the start of reading to the last image
	FPS     float64 `json:"fps"`     // Frames / Seconds
	P50     float64 `json:"p50_ms"`  // time that a batch's encoding took, over its frames: median over all frames
	P99     float64 `json:"p99_ms"`  // the same, 99th percentile
	Bytes   int64   `json:"bytes"`   // of the images
	Batch   int     `json:"batch"`   // frames of a batch, at most
	Workers int     `json:"workers"`

	// The whole process after the first batches, which set up what is then used again; nil when there were no more than those.
	AllocsPerFrame *float64 `json:"allocs_per_frame"`
	Collections    *int     `json:"collections"`

	Warning string `json:"warning,omitempty"` // what a decoder complained of
	Error   string `json:"error,omitempty"`   // why the run ended early
}

// String returns the line for the terminal.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "encoded %s in %.2f s (%s fps), p50 %s ms p99 %s ms", count(s.Frames, "frame"), s.Seconds, decimals(s.FPS, 100), decimals(s.P50, 1), decimals(s.P99, 1))
	if s.AllocsPerFrame != nil {
		fmt.Fprintf(&b, ", %.1f allocs/frame", *s.AllocsPerFrame)
	}
	if s.Collections != nil {
		fmt.Fprintf(&b, ", %s", count(*s.Collections, "collection"))
	}
	return b.String()
}

// WriteJSON writes s as one line of JSON.
func (s Summary) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

// decimals formats v with one decimal below whole and none from it on, and with two below 1.
func decimals(v, whole float64) string {
	switch {
	case v >= whole && whole > 1:
		return fmt.Sprintf("%.0f", v)
	case v >= 1 || v == 0:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// warmBatches is how many batches set up what is then used again: connections, tables, and buffers of the sizes that the images turn out to
// have. What is said of allocations and collections leaves them out.
const warmBatches = 4

// tally collects the figures of a run.
type tally struct {
	usage   *meter.Meter
	latency *meter.Latency // of a frame
	start   time.Time
	end     time.Time // of the last batch
	batches int
	bytes   int64

	frames     int
	warmFrames int         // frames of the warm-up
	warm       meter.Usage // at that time
}

func newTally() *tally {
	return &tally{usage: meter.NewMeter(), latency: meter.NewLatency(), start: time.Now()}
}

func (t *tally) close() { t.usage.Close() }

// add counts a batch of n frames whose encoding took d.
func (t *tally) add(n int, d time.Duration) {
	t.latency.Record(d/time.Duration(n), n)
	t.end = time.Now()
	t.batches++
	t.frames += n
	if t.batches <= warmBatches {
		t.warm, t.warmFrames = t.usage.Read(), t.frames
	}
}

// summary returns the figures up to now.
func (t *tally) summary() Summary {
	s := Summary{Frames: t.frames, Bytes: t.bytes}
	if t.frames == 0 {
		return s
	}
	s.Seconds = t.end.Sub(t.start).Seconds()
	s.FPS = float64(t.frames) / s.Seconds
	s.P50, s.P99 = milliseconds(t.latency, 0.5), milliseconds(t.latency, 0.99)
	if n := t.frames - t.warmFrames; n > 0 {
		now := t.usage.Read()
		allocs := float64(now.Allocs-t.warm.Allocs) / float64(n)
		collections := int(now.Collections - t.warm.Collections)
		s.AllocsPerFrame, s.Collections = &allocs, &collections
	}
	return s
}
