package pipeline

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Workers is a bounded set of goroutines that any number of pipelines share. The goroutine that called Run works
// itself, and free workers help, so that a run never waits for another. With a nil *Workers, only the calling goroutine
// works. Do shares other work among them in the same way.
type Workers struct {
	size int
	exit sync.WaitGroup // one for each goroutine

	mu     sync.Mutex
	wake   sync.Cond // open has grown, or closed is set
	quiet  sync.Cond // jobs is 0
	open   []*job    // jobs that may have tasks to claim; the next one to be helped first
	jobs   int       // jobs between enter and leave
	idle   []*shared // of Do, to be used again
	closed bool
}

// job is what goroutines do together, task by task.
type job struct {
	tasks   int            // how many there are
	most    int            // goroutines that may work on it
	help    func()         // claims tasks, and does them, until none is left to claim
	joined  int            // goroutines that work on it, or did; guarded by Workers.mu
	helpers sync.WaitGroup // the workers at it
}

// shared is the job of a call of Do.
type shared struct {
	job
	task func(i int)
	next atomic.Int64
}

func (s *shared) work() {
	for {
		i := int(s.next.Add(1)) - 1
		if i >= s.tasks {
			return
		}
		s.task(i)
	}
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

// Close waits for the runs in flight, ends the goroutines and waits for them. Later calls of Run and Do return ErrClosed.
// It may be called again, and on nil.
func (w *Workers) Close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	for w.jobs > 0 {
		w.quiet.Wait()
	}
	w.wake.Broadcast()
	w.mu.Unlock()
	w.exit.Wait()
}

// Do calls task once with each of 0..n-1, on the calling goroutine and on those workers that are free, and returns when
// all calls have returned. The order is not defined. A task must not panic. Do returns ErrClosed, and calls nothing, after
// Close. It allocates nothing from the second call on; on nil, the caller does all of it.
func (w *Workers) Do(n int, task func(i int)) error {
	if w == nil {
		for i := range n {
			task(i)
		}
		return nil
	}
	s := w.shared()
	s.tasks, s.task = n, task
	s.next.Store(0)
	err := ErrClosed
	if w.enter(&s.job) {
		s.work()
		w.leave(&s.job)
		err = nil
	}
	s.task = nil
	w.mu.Lock()
	w.idle = append(w.idle, s)
	w.mu.Unlock()
	return err
}

// shared returns a job for Do.
func (w *Workers) shared() *shared {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := len(w.idle) - 1; last >= 0 {
		s := w.idle[last]
		w.idle = w.idle[:last]
		return s
	}
	s := &shared{}
	s.help, s.most = s.work, w.size
	return s
}

// enter opens j to the workers, or returns false when they are closed.
func (w *Workers) enter(j *job) bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.jobs++
	j.joined = 1 // the caller
	if helpers := min(j.most, j.tasks) - 1; helpers > 0 {
		w.open = append(w.open, j)
		for range helpers {
			w.wake.Signal()
		}
	}
	return true
}

// leave closes j to the workers and waits for those that are at it.
func (w *Workers) leave(j *job) {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.shut(j)
	w.mu.Unlock()
	j.helpers.Wait()
	w.mu.Lock()
	if w.jobs--; w.jobs == 0 {
		w.quiet.Broadcast()
	}
	w.mu.Unlock()
}

// shut takes j off the open jobs, if it is there. w.mu is held.
func (w *Workers) shut(j *job) {
	if i := slices.Index(w.open, j); i >= 0 {
		w.open = slices.Delete(w.open, i, i+1)
	}
}

// help is the loop of a worker: it helps one open job after the other. A job that was helped moves to the end, so that free
// workers spread over the jobs.
func (w *Workers) help() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.open) == 0 {
			if w.closed && w.jobs == 0 {
				return
			}
			w.wake.Wait()
		}
		j := w.open[0]
		copy(w.open, w.open[1:])
		w.open[len(w.open)-1] = j
		j.helpers.Add(1)
		if j.joined++; j.joined >= j.most {
			w.shut(j)
		}
		w.mu.Unlock()
		j.help()
		w.mu.Lock()
		w.shut(j) // It has nothing left to claim.
		j.helpers.Done()
	}
}
