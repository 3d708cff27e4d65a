package measure

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestCosts(t *testing.T) {
	c := NewCosts()
	before := c.Read()
	hold := make([]byte, 32<<20)
	for i := range hold {
		hold[i] = byte(i) // faults, and works
	}
	for range 3 {
		runtime.GC()
	}
	after := c.Read()
	if before.Told != after.Told || before.Told != (runtime.GOOS != "windows") {
		t.Fatalf("told: got %v, then %v on %s", before.Told, after.Told, runtime.GOOS)
	}
	if after.Told {
		if d := after.CPU - before.CPU; d <= 0 || d > time.Hour {
			t.Errorf("CPU: got %v, want what 32 MiB and three collections take", d)
		}
		if after.Faults <= before.Faults {
			t.Errorf("faults: got %d, then %d after 32 MiB more: want more", before.Faults, after.Faults)
		}
	}
	if after.Collector <= before.Collector {
		t.Errorf("collector: got %v, then %v after three collections: want more", before.Collector, after.Collector)
	}
	if busy := after.Busy - before.Busy; busy < after.Collector-before.Collector {
		t.Errorf("busy: got %v, of which the collector had %v", busy, after.Collector-before.Collector)
	}
	pauses := after.Pauses.Since(before.Pauses)
	if n := pauses.Count(); n < 3 {
		t.Errorf("pauses: got %d, want one for each of three collections at least", n)
	}
	if longest := pauses.Max(); longest <= 0 || longest < pauses.Quantile(0.5) || longest > time.Hour {
		t.Errorf("longest pause: got %v, want more than 0, and at least the median %v", longest, pauses.Quantile(0.5))
	}
	runtime.KeepAlive(hold)
}

func TestPauses(t *testing.T) {
	edges := []float64{0, 1e-6, 2e-6, 5e-6, 1e-3}
	before := newPauses(&metrics.Float64Histogram{Counts: []uint64{5, 0, 0, 100}, Buckets: edges})
	after := newPauses(&metrics.Float64Histogram{Counts: []uint64{5, 98, 1, 101}, Buckets: edges})
	p := after.Since(before)
	for _, tt := range []struct {
		name      string
		got, want time.Duration
	}{
		{"p50", p.Quantile(0.5), 2 * time.Microsecond},
		{"p98", p.Quantile(0.98), 2 * time.Microsecond},
		{"p99", p.Quantile(0.99), 5 * time.Microsecond},
		{"max", p.Max(), time.Millisecond},
		{"none", after.Since(after).Max(), 0},
		{"zero-value", Pauses{}.Quantile(0.5), 0},
	} {
		if tt.got.Round(time.Nanosecond) != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if p.Count() != 100 || !slices.Equal(after.counts, []uint64{5, 98, 1, 101}) {
		t.Errorf("got %d pauses of %v, want 100 of counters that stay", p.Count(), after.counts)
	}
}

// TestPeakRSS: memory that came and went is remembered, until that is reset.
func TestPeakRSS(t *testing.T) {
	before, ok := PeakRSS()
	if ok != (runtime.GOOS == "linux") {
		t.Fatalf("told: got %v on %s", ok, runtime.GOOS)
	}
	if !ok {
		t.Skip("the system does not tell")
	}
	const size = 64 << 20
	touch(t, size)
	peak, _ := PeakRSS()
	if peak < size || peak < before {
		t.Errorf("got %d bytes, then %d with %d more in use", before, peak, size)
	}
	if !ResetPeakRSS() {
		t.Skip("the system does not reset it")
	}
	if after, _ := PeakRSS(); after > peak-size/2 {
		t.Errorf("reset: got %d bytes after %d, of which %d were given back", after, peak, size)
	}
}

// touch uses size bytes and gives them back to the system.
func touch(t *testing.T, size int) {
	t.Helper()
	memory := make([]byte, size)
	for i := 0; i < len(memory); i += 512 {
		memory[i] = 1
	}
	runtime.KeepAlive(memory)
	debug.FreeOSMemory()
}

func TestHeap(t *testing.T) {
	h := NewHeap()
	objects, held := h.Read()
	hold := make([]byte, 32<<20)
	more, heldMore := h.Read()
	if more < objects+uint64(len(hold))/2 || heldMore < more { // half: what else was freed meanwhile
		t.Errorf("got %d bytes of objects, %d held, then %d and %d with %d more", objects, held, more, heldMore, len(hold))
	}
	runtime.KeepAlive(hold)
	alloctest.Zero(t, 20, func() { h.Read() })
}
