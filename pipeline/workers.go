package pipeline

import (
	"runtime"
	"slices"
	"sync"
)

// Workers is a bounded set of goroutines that any number of pipelines share. A run is worked on by the goroutine that
// called Run and by those workers that are free, so that a run never waits for another. A nil *Workers has none: each
// run is its caller's alone.
type Workers struct {
	size int
	exit sync.WaitGroup // one for each goroutine

	mu     sync.Mutex
	wake   sync.Cond // open has grown, or closed is set
	quiet  sync.Cond // runs is 0
	open   []*run    // runs that may have work to claim; the next one to be helped first
	runs   int       // runs between enter and leave
	closed bool
}

// NewWorkers returns workers for n goroutines in a run: n-1 of their own, and the caller's. n <= 0 means GOMAXPROCS.
// The caller closes them.
func NewWorkers(n int) *Workers {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	w := &Workers{size: n}
	w.wake.L, w.quiet.L = &w.mu, &w.mu
	for range n - 1 {
		w.exit.Go(w.help)
	}
	return w
}

// Size returns how many goroutines work on a run at most: 1 for nil.
func (w *Workers) Size() int {
	if w == nil {
		return 1
	}
	return w.size
}

// Close waits for the runs in flight, ends the goroutines and waits for them. Later runs return ErrClosed. It may be
// called again, and on nil.
func (w *Workers) Close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	for w.runs > 0 {
		w.quiet.Wait()
	}
	w.wake.Broadcast()
	w.mu.Unlock()
	w.exit.Wait()
}

// enter opens r to the workers, or returns false when they are closed.
func (w *Workers) enter(r *run) bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.runs++
	if helpers := min(w.size, r.tasks) - 1; helpers > 0 {
		w.open = append(w.open, r)
		for range helpers {
			w.wake.Signal()
		}
	}
	return true
}

// leave closes r to the workers and waits for those that are at it.
func (w *Workers) leave(r *run) {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.shut(r)
	w.mu.Unlock()
	r.helpers.Wait()
	w.mu.Lock()
	if w.runs--; w.runs == 0 {
		w.quiet.Broadcast()
	}
	w.mu.Unlock()
}

// shut takes r off the open runs, if it is there. w.mu is held.
func (w *Workers) shut(r *run) {
	if i := slices.Index(w.open, r); i >= 0 {
		w.open = slices.Delete(w.open, i, i+1)
	}
}

// help is a worker's life: it helps one open run after the other. A run that was helped moves to the end, so that free
// workers spread.
func (w *Workers) help() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.open) == 0 {
			if w.closed && w.runs == 0 {
				return
			}
			w.wake.Wait()
		}
		r := w.open[0]
		copy(w.open, w.open[1:])
		w.open[len(w.open)-1] = r
		r.helpers.Add(1)
		w.mu.Unlock()
		r.work()
		w.mu.Lock()
		w.shut(r) // It has nothing left to claim.
		r.helpers.Done()
	}
}
