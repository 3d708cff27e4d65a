// Package alloctest asserts what a function allocates.
package alloctest

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/steadyframe/steadyframe/internal/race"
)

// Zero fails t unless runs calls of f, after one call to warm up, allocate no heap object and no byte at all, in any goroutine: it reads
// the whole process's counters, so f may hand work to others. The collector is off meanwhile, so that sync.Pool keeps what it is given.
// It skips under the race detector.
func Zero(t testing.TB, runs int, f func()) {
	t.Helper()
	objects, bytes := Measure(t, runs, f)
	if objects != 0 || bytes != 0 {
		t.Errorf("%d runs allocated %d objects of %d bytes together: want none", runs, objects, bytes)
	}
}

// Waiting is Zero for an f that waits for other goroutines: it fails t from one object for ten calls on. The runtime keeps its records of
// who waits by processor, and makes new ones when those gather on another.
func Waiting(t testing.TB, runs int, f func()) {
	t.Helper()
	objects, bytes := Measure(t, runs, f)
	if 10*objects >= uint64(runs) {
		t.Errorf("%d runs allocated %d objects of %d bytes together: want fewer than one for ten runs", runs, objects, bytes)
	}
}

// Measure returns the heap objects and bytes that runs calls of f allocate together, in any goroutine, after one call to warm up. It takes
// the least of three tries, since the runtime allocates for itself sometimes. It skips t under the race detector.
func Measure(t testing.TB, runs int, f func()) (objects, bytes uint64) {
	t.Helper()
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector: sync.Pool drops one Put in four")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f()
	for try := range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		o, b := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
		if try == 0 || o < objects {
			objects, bytes = o, b
		}
		if objects == 0 {
			break
		}
	}
	return objects, bytes
}
