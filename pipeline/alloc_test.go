package pipeline

import (
	"fmt"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// Every input format to every output format, by the caller alone and with helpers, allocates nothing once it has run.
func TestAllocs(t *testing.T) {
	skipUnderRace(t)
	for _, d := range inputs(300, 220) {
		f := draw(t, d, waves(1), 0)
		for _, n := range []int{1, 3} {
			workers := newWorkers(t, n)
			for _, o := range outputs {
				t.Run(fmt.Sprintf("workers=%d/%s/%s", n, d, o.explain()), func(t *testing.T) {
					p := compile(t, Spec{Input: d, Resize: Resize{Width: 256, Height: 256}, Output: o}, workers)
					assertSteady(t, p, []frame.Frame{f, f}, 3)
				})
			}
		}
	}
}

// After warming up, 100 batches of 25 frames of W1 allocate nothing: neither the library, nor the pool below it, nor the
// hand-over to workers.
func TestMemoryPooling(t *testing.T) {
	skipUnderRace(t)
	batches := 100
	if testing.Short() {
		batches = 10
	}
	frames := w1Batch(t).In
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprintf("workers=%d", n), func(t *testing.T) {
			assertSteady(t, compile(t, w1, newWorkers(t, n)), frames, batches)
		})
	}
}

// skipUnderRace skips before the work of setting up: alloctest would skip after it.
func skipUnderRace(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector")
	}
}

// assertSteady fails t when batches of frames through p allocate anything in the whole process, once it is warm.
func assertSteady(t *testing.T, p *Pipeline, frames []frame.Frame, batches int) {
	t.Helper()
	ctx := t.Context()
	run := func(b *Batch) {
		if err := p.Run(ctx, b); err != nil {
			t.Error(err)
		}
		for i := range b.Out {
			if b.Out[i].Err != nil {
				t.Error(b.Out[i].Err)
			}
		}
		b.Release()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := &Batch{In: frames}
	run(b)
	parkMany()
	// A sync.Pool makes rings for each processor as more buffers meet there; workers get buffers on one and the caller
	// puts them back on another, so that this can take some batches. It has an end: what a batch allocates has none.
	const tries = 10
	for try := range tries {
		objects, bytes := alloctest.Measure(t, batches, func() { run(b) })
		if objects == 0 && bytes == 0 {
			return
		}
		if try == tries-1 {
			t.Errorf("%d batches of %d frames allocated %d objects of %d bytes: want none", batches, len(frames), objects, bytes)
		}
	}
}

// parkMany makes the runtime keep more records of waiting goroutines (sudog) than any run needs. They belong to
// processors: a worker that waits on one and is woken on another takes its record along, and the first makes a new one.
func parkMany() {
	const goroutines = 1000
	var parked, ended sync.WaitGroup
	wait := make(chan struct{})
	parked.Add(goroutines)
	for range goroutines {
		ended.Go(func() {
			parked.Done()
			<-wait
		})
	}
	parked.Wait()
	close(wait)
	ended.Wait()
}
