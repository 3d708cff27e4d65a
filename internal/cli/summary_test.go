package cli

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestSummaryText(t *testing.T) {
	allocs, collections := 0.04, 1
	tests := []struct {
		name string
		s    Summary
		want string
	}{
		{
			"steady", Summary{Frames: 377, Seconds: 0.4102, FPS: 919.1, P50: 1.04, P99: 1.44, AllocsPerFrame: &allocs, Collections: &collections},
			"encoded 377 frames in 0.41 s (919 fps), p50 1.0 ms p99 1.4 ms, 0.0 allocs/frame, 1 collection",
		},
		{
			"too-short-to-tell", Summary{Frames: 1, Seconds: 0.25, FPS: 4, P50: 0.123, P99: 0.123},
			"encoded 1 frame in 0.25 s (4.0 fps), p50 0.12 ms p99 0.12 ms",
		},
		{"slow", Summary{Frames: 2, Seconds: 250, FPS: 0.008, P50: 125000.4, P99: 125000.4}, "encoded 2 frames in 250.00 s (0.01 fps), p50 125000.4 ms p99 125000.4 ms"},
		{"nothing", Summary{}, "encoded 0 frames in 0.00 s (0.0 fps), p50 0.0 ms p99 0.0 ms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSummaryJSON(t *testing.T) {
	var b strings.Builder
	if err := (Summary{Frames: 2, Error: "disk full"}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "\n") != 1 {
		t.Errorf("got %q, want one line", b.String())
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got["frames"] != 2.0 || got["error"] != "disk full" || got["allocs_per_frame"] != nil {
		t.Errorf("got %v", got)
	}
	if _, ok := got["warning"]; ok {
		t.Errorf("a warning that is none: %v", got)
	}
}

// The latencies are those of frames, not of batches: a large batch weighs more. Warm-up is left out of the allocations alone.
func TestTally(t *testing.T) {
	ta := newTally()
	defer ta.close()
	ta.add(98, 98*2*time.Millisecond)
	for range 2 {
		ta.add(1, 50*time.Millisecond)
	}
	s := ta.summary()
	if s.Frames != 100 || s.P50 < 1.99 || s.P50 > 2.01 || s.P99 < 49.9 || s.P99 > 50.1 {
		t.Errorf("got %d frames, p50 %v ms, p99 %v ms; want 100, 2, 50", s.Frames, s.P50, s.P99)
	}
	if s.AllocsPerFrame != nil || s.Collections != nil {
		t.Errorf("got allocations after %d batches, want none before the warm-up is over", ta.batches)
	}
	ta.add(4, time.Millisecond)
	least := math.Inf(1)
	for range 20 { // The counters are the whole process's.
		ta.add(4, time.Millisecond)
		if s = ta.summary(); s.AllocsPerFrame == nil {
			t.Fatal("got no allocations after more batches than the warm-up has")
		}
		least = min(least, *s.AllocsPerFrame)
	}
	if least > 1 {
		t.Errorf("allocations of batches that made none: got %v a frame, want none", least)
	}
}
