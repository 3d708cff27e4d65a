package pipeline

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestWorkersSize(t *testing.T) {
	if got := (*Workers)(nil).Size(); got != 1 {
		t.Errorf("nil: got %d, want 1", got)
	}
	for _, n := range []int{1, 2, 7} {
		if got := newWorkers(t, n).Size(); got != n {
			t.Errorf("got %d, want %d", got, n)
		}
	}
	if got, want := newWorkers(t, 0).Size(), runtime.GOMAXPROCS(0); got != want {
		t.Errorf("0: got %d, want GOMAXPROCS %d", got, want)
	}
}

func TestRunAfterClose(t *testing.T) {
	for _, n := range []int{1, 3} {
		w := newWorkers(t, n)
		p := compile(t, small, w)
		b := batchOf(t, small, 2)
		w.Close()
		w.Close() // does nothing
		if err := p.Run(t.Context(), b); err != ErrClosed || !errors.Is(b.Out[1].Err, ErrClosed) {
			t.Errorf("got %v, result %v, want ErrClosed", err, b.Out[1].Err)
		}
	}
	var none *Workers
	none.Close()
}

// gate is a stage that holds every task until it is opened, and counts those that wait.
type gate struct {
	stage
	opened  chan struct{}
	waiting atomic.Int32
}

func (g *gate) begin(sc *scratch) error {
	g.waiting.Add(1)
	<-g.opened
	return g.stage.begin(sc)
}

// All workers take part in one run, and the caller with them.
func TestWorkersShareARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers(4)
		defer w.Close()
		p := compile(t, small, w)
		g := &gate{stage: p.stages[0], opened: make(chan struct{})}
		p.stages[0] = g
		b := batchOf(t, small, 25)
		go func() {
			synctest.Wait()
			if got := g.waiting.Load(); got != 4 {
				t.Errorf("got %d frames begun at once, want 4", got)
			}
			close(g.opened)
		}()
		if err := p.Run(t.Context(), b); err != nil {
			t.Error(err)
		}
		b.Release()
	})
}

// Close lets the runs in flight end, refuses new ones, and returns when no goroutine is left: synctest.Test waits for
// all.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers(2)
		p, late := compile(t, small, w), compile(t, small, w)
		g := &gate{stage: p.stages[0], opened: make(chan struct{})}
		p.stages[0] = g
		b := batchOf(t, small, 5)
		var ran, closed atomic.Bool
		go func() {
			if err := p.Run(t.Context(), b); err != nil {
				t.Error(err)
			}
			ran.Store(true)
		}()
		synctest.Wait()
		go func() {
			w.Close()
			if !ran.Load() {
				// Run may not have returned, but its work must be done.
				for i := range b.Out {
					if b.Out[i].Buf.IsZero() {
						t.Errorf("Close returned before frame %d was made", i)
					}
				}
			}
			closed.Store(true)
		}()
		synctest.Wait()
		if closed.Load() {
			t.Error("Close returned while a run was in flight")
		}
		if err := late.Run(t.Context(), batchOf(t, small, 1)); err != ErrClosed {
			t.Errorf("a run while closing: got %v, want ErrClosed", err)
		}
		close(g.opened)
		synctest.Wait()
		if !closed.Load() || !ran.Load() {
			t.Errorf("closed %v, ran %v: want both", closed.Load(), ran.Load())
		}
		b.Release()
	})
}

// Do calls each task once, whichever goroutine does it, and waits for all of them. Runs of pipelines and calls of Do share the workers.
func TestDo(t *testing.T) {
	var none *Workers
	for _, w := range []*Workers{none, newWorkers(t, 1), newWorkers(t, 3)} {
		for _, n := range []int{0, 1, 2, 3, 100} {
			calls := make([]atomic.Int32, n)
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					if err := w.Do(n, func(i int) { calls[i].Add(1) }); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			for i := range calls {
				if got := calls[i].Load(); got != 4 {
					t.Errorf("%d workers: task %d of %d: got %d calls, want one for each of 4 callers", w.Size(), i, n, got)
				}
			}
		}
	}
}

func TestDoAfterClose(t *testing.T) {
	w := NewWorkers(2)
	w.Close()
	if err := w.Do(3, func(int) { t.Error("a task was called") }); err != ErrClosed {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// All workers take part in one call.
func TestWorkersShareDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers(4)
		defer w.Close()
		var waiting atomic.Int32
		opened := make(chan struct{})
		go func() {
			synctest.Wait()
			if got := waiting.Load(); got != 4 {
				t.Errorf("got %d tasks begun at once, want 4", got)
			}
			close(opened)
		}()
		if err := w.Do(25, func(int) { waiting.Add(1); <-opened }); err != nil {
			t.Error(err)
		}
	})
}

func TestDoAllocatesNothing(t *testing.T) {
	w := newWorkers(t, 1)
	var sum atomic.Int64
	task := func(i int) { sum.Add(int64(i)) }
	alloctest.Zero(t, 100, func() {
		if err := w.Do(10, task); err != nil {
			t.Error(err)
		}
	})
}
