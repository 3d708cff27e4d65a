package cli

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoadMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seconds []LoadProgress
		m := newLoadMeter(500*time.Millisecond, func(p LoadProgress) { seconds = append(seconds, p) })
		// 20 batches of 25, due every half second, each answered after 30 ms; the first four, and then one, take longer.
		for k := range 20 {
			latency := 30 * time.Millisecond
			if k < warmBatches || k == 10 {
				latency = 200 * time.Millisecond
			}
			time.Sleep(latency)
			failed := 0
			if k == 7 {
				failed = 2
			}
			m.answered(25, failed, latency)
			time.Sleep(500*time.Millisecond - latency)
		}
		s := m.summary()
		m.close()
		if s.Frames != 500 || s.Batches != 20 || s.Errors != 2 {
			t.Errorf("got %d frames, %d batches, %d errors; want 500, 20, 2", s.Frames, s.Batches, s.Errors)
		}
		if math.Abs(s.P50-30) > 0.1 || math.Abs(s.P99-200) > 0.5 || math.Abs(s.Max-200) > 0.5 {
			t.Errorf("latency: got p50 %v, p99 %v, max %v; want 30, 200, 200, without the warm-up", s.P50, s.P99, s.Max)
		}
		if math.Abs(s.FPS-50) > 1 || math.Abs(s.Seconds-9.53) > 0.001 {
			t.Errorf("got %v fps in %v s, want 50 in 9.53", s.FPS, s.Seconds)
		}
		if s.RSS == 0 || s.MaxRSS < s.RSS {
			t.Errorf("resident set: got %d at the end, %d at most", s.RSS, s.MaxRSS)
		}
		if len(seconds) != 9 {
			t.Fatalf("reports: got %d in ten seconds, want one for each whole one", len(seconds))
		}
		for _, p := range seconds {
			if math.Abs(p.FPS-50) > 1 {
				t.Errorf("after %v: got %v fps, want 50", p.Elapsed, p.FPS)
			}
		}
		if last := seconds[8]; last.Errors != 2 || !strings.Contains(last.String(), "2 errors") {
			t.Errorf("errors: got %s", last)
		}
	})
}

func TestLoadMeterWithoutResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newLoadMeter(time.Second, func(LoadProgress) { t.Error("a report of nothing") })
		time.Sleep(3 * time.Second)
		m.close()
		if s := m.summary(); s != (LoadSummary{}) {
			t.Errorf("got %+v, want nothing", s)
		}
	})
}

func TestLoadSummaryText(t *testing.T) {
	slope := -0.004
	tests := []struct {
		name string
		s    LoadSummary
		want string
	}{
		{
			"long", LoadSummary{
				Frames: 25000, Batches: 1000, Seconds: 499.53, FPS: 50.004, P50: 23.51, P99: 31.26, Max: 40, AllocsPerFrame: 13.96, BytesPerFrame: 2630,
				Collections: 3, RSS: 84 << 20, MaxRSS: 85 << 20, RSSSlope: &slope,
			},
			"25000 frames in 1000 batches in 499.5 s (50.0 fps), 0 errors\n" +
				"round trip of a batch, from when it is due: p50 23.5 ms, p99 31.3 ms, max 40.0 ms\n" +
				"client and server: 14.0 allocs/frame (2630 bytes), 3 collections, RSS 84 MiB (at most 85, -0.00 a minute)",
		},
		{
			"short", LoadSummary{Frames: 25, Batches: 1, Seconds: 0.1, Errors: 1},
			"25 frames in 1 batch in 0.1 s, 1 error\ntoo short for more: the first 4 batches set things up",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.String(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
