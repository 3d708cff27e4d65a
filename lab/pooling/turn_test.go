package pooling

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
)

// shortTurn is as short as a turn can be.
func shortTurn(option string, m Mode) turn {
	return turn{Option: option, Mode: m, Size: W1, Batch: 5, Concurrency: 1, Rate: 100, Duration: 30 * time.Millisecond, WarmUp: time.Millisecond}
}

// TestOptions: the real options do their work, in both modes and with requests that run into each other, and have no finding.
func TestOptions(t *testing.T) {
	f := heapFrames()
	for _, o := range Options() {
		for _, m := range Modes() {
			t.Run("option="+o.Name+"/mode="+string(m), func(t *testing.T) {
				tr := shortTurn(o.Name, m)
				tr.Concurrency = 3
				r := tr.run(o, f)
				found := findings(o, &tr, []turnResult{r})
				if race.Enabled || r.Frames < 10*tr.Batch*tr.Concurrency {
					// A sync.Pool drops Puts under the race detector, and on a busy machine most of a turn fills the pools.
					found = slices.DeleteFunc(found, func(f Finding) bool { return f.Kind == NoReuse })
				}
				if len(found) > 0 {
					t.Errorf("findings: got %+v, want none", found)
				}
				if r.Batches < 1 || r.Frames < r.Batches*tr.Batch || r.FPS <= 0 || r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.MaxMS {
					t.Errorf("got %+v, want frames, and latencies in order", r.Figures)
				}
				if r.HeapEnd <= 0 || len(r.Heap) == 0 || r.Heap[0].Bytes == 0 {
					t.Errorf("heap: got %v in the end and %d points, want some", r.HeapEnd, len(r.Heap))
				}
				if told := runtime.GOOS != "windows"; (r.CPU != nil) != told || (r.PageFaults != nil) != told {
					t.Errorf("processor time, page faults: got %v, %v on %s", r.CPU, r.PageFaults, runtime.GOOS)
				}
				if told := runtime.GOOS == "linux"; (r.RSSPeak != nil) != told {
					t.Errorf("RSS: got %v on %s", r.RSSPeak, runtime.GOOS)
				}
				if r.PauseMax == nil && r.Collections > 0 {
					t.Errorf("longest pause: got %v with %v collections", r.PauseMax, r.Collections)
				}
			})
		}
	}
}

// TestNoneAllocates: what the counters say of no pooling is what no pooling must cost: three objects of known sizes a frame.
func TestNoneAllocates(t *testing.T) {
	tr := shortTurn("none", Flat)
	tr.Batch, tr.Duration = 25, 100*time.Millisecond
	r := tr.run(optionCalled(t, "none"), heapFrames())
	w := W1.workload()
	frames := float64(r.Batches * tr.Batch)
	const overheadObjects, overheadBytes = 500, 1 << 20 // of a turn, however short: goroutines, timers
	if got, want := r.BytesPerFrame*frames, float64(w.frameBytes())*frames; got < want || got > 1.05*want+overheadBytes {
		t.Errorf("got %.0f bytes for %v frames, want %.0f and what size classes add", got, frames, want)
	}
	if got, want := r.AllocsPerFrame*frames, 3*frames; got < want || got > 1.1*want+overheadObjects {
		t.Errorf("got %.0f objects for %v frames, want %v and what the Go runtime needs", got, frames, want)
	}
}

// TestOpenLoopCountsStalls: batches that are due while an option stalls are late, all of them. A closed loop would ask for none
// meanwhile, and count one.
func TestOpenLoopCountsStalls(t *testing.T) {
	tr := shortTurn("stalls", Open)
	tr.WarmUp, tr.Duration = 0, 2*stallTime
	r := tr.run(optionCalled(t, "stalls"), heapFrames())
	late := 0
	for _, p := range slices.Backward(r.Curve) {
		if p.MS > float64(stallTime.Milliseconds())/4 {
			late++
		}
	}
	if late < 2 || r.MaxMS < float64(stallTime.Milliseconds()) {
		t.Errorf("got %+v, at most %v ms, want the stall of %v in a quarter of all", r.Curve, r.MaxMS, stallTime)
	}
}

// TestOpenLoopGivesUp: a rate that no machine keeps up with ends in time, and what was not begun counts as having waited.
func TestOpenLoopGivesUp(t *testing.T) {
	tr := shortTurn("pool", Open)
	tr.Rate = 1e5
	r := tr.run(optionCalled(t, "pool"), heapFrames())
	if r.Late == 0 || r.Batches == 0 || r.Late+r.Batches != 3000 {
		t.Errorf("got %d batches given up and %d answered, want some of each, and 3000 together", r.Late, r.Batches)
	}
	if r.P99 < float64(tr.Duration.Milliseconds()) {
		t.Errorf("P99: got %v ms, want %v at least, which they waited", r.P99, tr.Duration)
	}
}
