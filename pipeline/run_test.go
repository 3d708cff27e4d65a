package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// small is a Spec whose images have few bands and come quickly, raw so that sizes are known.
var small = Spec{
	Input:  frame.Desc{Format: frame.BGR24, Width: 40, Height: 24},
	Resize: Resize{Width: 20},
	Output: Output{Format: RawRGB24},
}

func TestEmptyBatch(t *testing.T) {
	p := compile(t, small, newWorkers(t, 2))
	b := &Batch{Out: make([]Result, 3)}
	if err := p.Run(t.Context(), b); err != nil || len(b.Out) != 0 {
		t.Errorf("got %v and %d results, want nil and none", err, len(b.Out))
	}
}

func TestBatchKeepsItsMemory(t *testing.T) {
	p := compile(t, small, nil)
	b := batchOf(t, small, 4)
	for range 2 {
		if err := p.Run(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i := range b.Out {
			if got, want := len(b.Out[i].Bytes()), 20*12*3; got != want || b.Out[i].Err != nil {
				t.Errorf("result %d: got %d bytes, %v, want %d", i, got, b.Out[i].Err, want)
			}
		}
		b.Release()
		b.Release() // does nothing
		if len(b.Out) != 0 || cap(b.Out) < 4 || inUse(p) != 0 {
			t.Errorf("after Release: got %d results of %d, %d bytes leased, want 0 of 4, 0", len(b.Out), cap(b.Out), inUse(p))
		}
	}
}

// Frames that are not what the Spec says fail alone, each with a reason; the others come out as if alone.
func TestBadFramesFailAlone(t *testing.T) {
	for _, workers := range []int{1, 3} {
		p := compile(t, small, newWorkers(t, workers))
		b := batchOf(t, small, 7)
		wrongSize := small.Input
		wrongSize.Width++
		b.In[1] = draw(t, wrongSize, waves(0), 0)
		b.In[2] = frame.Frame{}
		b.In[3] = frame.Frame{Desc: small.Input}
		b.In[4].Planes()[0].Pix = b.In[4].Planes()[0].Pix[1:]
		b.In[5] = released(t)
		if err := p.Run(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		var fe *FrameError
		if !errors.As(b.Out[1].Err, &fe) || fe.Got != wrongSize || fe.Want != small.Input {
			t.Errorf("wrong size: got %v, want a FrameError", b.Out[1].Err)
		}
		if !errors.As(b.Out[2].Err, &fe) || fe.Got != (frame.Desc{}) {
			t.Errorf("zero frame: got %v, want a FrameError", b.Out[2].Err)
		}
		var de *frame.DescError
		for _, i := range []int{3, 4} {
			if !errors.As(b.Out[i].Err, &de) {
				t.Errorf("frame %d without its memory: got %v, want a DescError", i, b.Out[i].Err)
			}
		}
		var pe *PanicError
		if !errors.As(b.Out[5].Err, &pe) {
			t.Errorf("released frame: got %v, want a PanicError", b.Out[5].Err)
		}
		for i := range b.Out {
			if good := i == 0 || i == 6; good != (b.Out[i].Err == nil) || good != (b.Out[i].Bytes() != nil) {
				t.Errorf("frame %d: got error %v, %d bytes", i, b.Out[i].Err, len(b.Out[i].Bytes()))
			}
		}
		b.Release()
	}
}

// released returns a frame whose memory is back in its pool: a holder's mistake.
func released(t *testing.T) frame.Frame {
	f, err := frame.New(pool.New(nil), small.Input) // pooltest's would fail the test for using the frame
	if err != nil {
		t.Fatal(err)
	}
	stale := f
	f.Release()
	return stale
}

// The default range, spelled out, is the same range.
func TestDefaultRangeSpelledOut(t *testing.T) {
	s := Spec{Input: frame.Desc{Format: frame.NV12, Width: 16, Height: 16}, Output: Output{Format: RawRGB24}}
	p := compile(t, s, nil)
	d := s.Input
	d.Range = frame.RangeLimited
	full := d
	full.Range = frame.RangeFull
	b := &Batch{In: []frame.Frame{draw(t, d, waves(1), 0), draw(t, full, waves(1), 0)}}
	defer b.Release()
	if err := p.Run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if b.Out[0].Err != nil || b.Out[1].Err == nil {
		t.Errorf("limited: got %v, want nil; full: got %v, want an error", b.Out[0].Err, b.Out[1].Err)
	}
}

// countdown is a context that ends when it was asked for the n-th time.
type countdown struct {
	context.Context
	left atomic.Int64
}

func newCountdown(n int64) *countdown {
	c := &countdown{Context: context.Background()}
	c.left.Store(n)
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A run that is canceled at any check has no result and gives everything back, and the next one is as if nothing had
// been.
func TestCancelAtEveryCheck(t *testing.T) {
	for _, out := range []Output{{Format: RawRGB24}, {Restart: RestartRow}, {}} {
		for _, workers := range []int{1, 4} {
			t.Run(fmt.Sprintf("output=%s/restart=%s/workers=%d", out.Format, out.Restart, workers), func(t *testing.T) {
				s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 256, Height: 384}, Output: out}
				p := compile(t, s, newWorkers(t, workers))
				b := batchOf(t, s, 2)
				for n := int64(0); ; n++ {
					err := p.Run(newCountdown(n), b)
					if err == nil {
						if n < 10 {
							t.Errorf("a run asked its context %d times, want once a band", n)
						}
						b.Release()
						return
					}
					if err != context.Canceled || len(b.Out) != 2 || b.Out[0].Err != err || b.Out[1].Err != err {
						t.Fatalf("canceled at check %d: got %v, results %v, want context.Canceled in all", n, err, b.Out)
					}
					if inUse(p) != 0 {
						t.Fatalf("canceled at check %d: %d bytes still leased", n, inUse(p))
					}
				}
			})
		}
	}
}

func TestCauseOfTheEnd(t *testing.T) {
	p := compile(t, small, nil)
	b := batchOf(t, small, 1)
	why := errors.New("the client went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := p.Run(ctx, b); err != why || b.Out[0].Err != why {
		t.Errorf("canceled: got %v, result %v, want the cause", err, b.Out[0].Err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		<-ctx.Done()
		if err := p.Run(ctx, b); err != context.DeadlineExceeded {
			t.Errorf("past the deadline: got %v, want context.DeadlineExceeded", err)
		}
	})
}

// faulty is a stage that panics at one band of one frame.
type faulty struct {
	frame *frame.Frame
	band  int
	value any
}

func (st *faulty) begin(*scratch) error { return nil }

func (st *faulty) do(sc *scratch, band int) error {
	if sc.part.of.in == st.frame && band == st.band {
		panic(st.value)
	}
	return nil
}

func (st *faulty) end(*scratch) error  { return nil }
func (st *faulty) addScratch(*scratch) {}
func (st *faulty) scratchBytes() int   { return 0 }
func (st *faulty) explain() []string   { return nil }

// faultyJoin is a sink that panics when one frame is joined.
type faultyJoin struct {
	sink
	frame *frame.Frame
	value any
}

func (o *faultyJoin) join(fr *frameRun) error {
	if fr.in == o.frame {
		panic(o.value)
	}
	return o.sink.join(fr)
}

// A panic at any band, or after the last, is the error of that frame alone; nothing is leaked, and the workers live on.
func TestPanicFailsOneFrame(t *testing.T) {
	broken := errors.New("broken")
	for _, out := range []Output{{Format: RawRGB24}, {Restart: RestartRow}} {
		for _, workers := range []int{1, 4} {
			t.Run(fmt.Sprintf("output=%s/workers=%d", out.Format, workers), func(t *testing.T) {
				s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 256, Height: 384}, Output: out}
				p := compile(t, s, newWorkers(t, workers))
				b := batchOf(t, s, 3)
				out, stages := p.out, p.stages
				total, _ := out.bands()
				for at := -1; at < total; at++ {
					if at < 0 {
						p.out = &faultyJoin{sink: out, frame: &b.In[1], value: broken}
					} else {
						p.out = out
						p.stages = slices.Insert(slices.Clone(stages), 1, stage(&faulty{frame: &b.In[1], band: at, value: broken}))
					}
					if err := p.Run(t.Context(), b); err != nil {
						t.Fatal(err)
					}
					var pe *PanicError
					if err := b.Out[1].Err; !errors.As(err, &pe) || !errors.Is(err, broken) || !strings.Contains(string(pe.Stack), "faulty") {
						t.Fatalf("panic at band %d: got %v, want a PanicError with value and stack", at, err)
					}
					if b.Out[0].Err != nil || b.Out[2].Err != nil {
						t.Fatalf("panic at band %d: the others got %v, %v, want nil", at, b.Out[0].Err, b.Out[2].Err)
					}
					b.Release()
					if inUse(p) != 0 {
						t.Fatalf("panic at band %d: %d bytes still leased", at, inUse(p))
					}
				}
			})
		}
	}
}

// Above the budget a frame fails alone and can be tried again.
func TestBudget(t *testing.T) {
	s := small
	s.Output = Output{}
	for _, workers := range []int{1, 3} {
		budget := int64(3 * pool.ClassSize(1))
		p, err := Compile(s, &Options{Pool: pooltest.New(t, &pool.Options{Budget: budget}), Workers: newWorkers(t, workers)})
		if err != nil {
			t.Fatal(err)
		}
		b := batchOf(t, s, 8)
		if err := p.Run(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		made := 0
		for i := range b.Out {
			switch err := b.Out[i].Err; {
			case err == nil:
				made++
			case !errors.Is(err, pool.ErrBudget):
				t.Errorf("frame %d: got %v, want pool.ErrBudget", i, err)
			}
		}
		if made != 3 {
			t.Errorf("got %d results within the budget, want 3", made)
		}
		b.Release()
	}
}

// Many goroutines share pipelines and workers; each gets the results of its own frames.
func TestConcurrentRuns(t *testing.T) {
	workers := newWorkers(t, 4)
	row := small
	row.Output = Output{Restart: RestartRow}
	pipelines := []*Pipeline{compile(t, small, workers), compile(t, row, workers)}
	var all sync.WaitGroup
	for g := range 8 {
		p := pipelines[g%2]
		b := batchOf(t, p.Spec(), 3+g)
		if err := p.Run(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range b.Out {
			want = append(want, string(b.Out[i].Bytes()))
		}
		b.Release()
		all.Go(func() {
			for range 50 {
				if err := p.Run(t.Context(), b); err != nil {
					t.Error(err)
				}
				for i := range b.Out {
					if string(b.Out[i].Bytes()) != want[i] {
						t.Errorf("goroutine %d frame %d: the result has changed", g, i)
					}
				}
				b.Release()
			}
		})
	}
	all.Wait()
}

// TestRunReleasesTheLastResults: a Batch that is used again and again holds the results of one run; what was taken out of
// it stays.
func TestRunReleasesTheLastResults(t *testing.T) {
	s := small
	s.Output = Output{}
	const frames = 3
	p, err := Compile(s, &Options{Pool: pooltest.New(t, &pool.Options{Budget: int64((frames + 1) * pool.ClassSize(1))})})
	if err != nil {
		t.Fatal(err)
	}
	b := batchOf(t, s, frames)
	var kept pool.Buf
	var want string
	for i := range 300 {
		if err := p.Run(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for j := range b.Out {
			if err := b.Out[j].Err; err != nil {
				t.Fatalf("run %d, frame %d: %v", i, j, err)
			}
		}
		if i == 0 {
			kept, want = b.Out[1].Buf, string(b.Out[1].Bytes())
			b.Out[1].Buf = pool.Buf{}
		}
	}
	if string(kept.Bytes()) != want {
		t.Error("a result that was taken out of the Batch has changed")
	}
	kept.Release()
	b.Release()
}

// TestYield: Batch.Yield is called before each band, by each goroutine, and a run whose context ends meanwhile ends.
func TestYield(t *testing.T) {
	p := compile(t, small, newWorkers(t, 3))
	b := batchOf(t, small, 4)
	var called atomic.Int64
	b.Yield = func() { called.Add(1) }
	if err := p.Run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b.Release()
	if got := called.Load(); got < 4 {
		t.Errorf("got %d calls for 4 frames, want one for each band", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.Yield = cancel
	if err := p.Run(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the run to end with its context", err)
	}
	b.Release()
}
