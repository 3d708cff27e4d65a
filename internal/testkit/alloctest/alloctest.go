// Package alloctest asserts what a function allocates.
package alloctest

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
)

// tries is how often something is measured at most: on a busy machine the runtime allocates for itself in several tries one after the
// other, and goroutines of the tests before may still end. What f allocates is in each.
const tries = 20

// Zero fails t unless runs calls of f, after one call to warm up, allocate no heap object and no byte at all, in any goroutine: it reads
// the whole process's counters, so f may hand work to others. The collector is off meanwhile, so that sync.Pool keeps what it is given.
// It skips under the race detector.
func Zero(t testing.TB, runs int, f func()) {
	t.Helper()
	objects, bytes := least(t, runs, f, func(objects uint64, _ bool) bool { return objects == 0 })
	if objects != 0 || bytes != 0 {
		t.Errorf("%d runs allocated %d objects of %d bytes together: want none", runs, objects, bytes)
	}
}

// Waiting is Zero for an f that waits for other goroutines: it fails t from one object for ten calls on. The runtime keeps its records of
// who waits by processor, and makes new ones when those gather on another.
func Waiting(t testing.TB, runs int, f func()) {
	t.Helper()
	few := func(objects uint64, _ bool) bool { return 10*objects < uint64(runs) }
	objects, bytes := least(t, runs, f, few)
	if !few(objects, false) {
		t.Errorf("%d runs allocated %d objects of %d bytes together: want fewer than one for ten runs", runs, objects, bytes)
	}
}

// Measure returns the heap objects and bytes that runs calls of f allocate together, in any goroutine, after one call to warm up. It takes
// the least of three tries, or of more until two had as little. It skips t under the race detector.
func Measure(t testing.TB, runs int, f func()) (objects, bytes uint64) {
	t.Helper()
	return least(t, runs, f, func(objects uint64, twice bool) bool { return objects == 0 || twice })
}

// least returns the least of some tries: until enough of it, which is also told whether three tries or more were made and two had as
// little as that.
func least(t testing.TB, runs int, f func(), enough func(objects uint64, twice bool) bool) (objects, bytes uint64) {
	t.Helper()
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector: sync.Pool drops one Put in four")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f()
	same := 0
	for try := range tries {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		o, b := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
		switch {
		case try == 0 || o < objects || o == objects && b < bytes:
			objects, bytes, same = o, b, 1
		case o == objects && b == bytes:
			same++
		}
		if enough(objects, try >= 2 && same >= 2) {
			break
		}
		if try >= 2 {
			time.Sleep(time.Duration(try) * time.Millisecond) // for what else runs to end
		}
	}
	return objects, bytes
}
