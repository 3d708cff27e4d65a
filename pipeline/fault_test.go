package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// faultBatch returns 25 small frames of s, which take no buffer of a pool.
func faultBatch(t *testing.T, s pipeline.Spec) *pipeline.Batch {
	size, err := s.Input.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := new(pipeline.Batch)
	for i := range 25 {
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(i * j)
		}
		f, err := frame.WrapBytes(s.Input, data)
		if err != nil {
			t.Fatal(err)
		}
		b.In = append(b.In, f)
	}
	return b
}

// TestFaultAt: whichever of the first 200 Gets fails or panics, its frame alone fails. At whichever of its first 200
// checks the context ends, the run ends and has no results. Each time every lease is released, once, and not touched
// again.
func TestFaultAt(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	workers := pipeline.NewWorkers(4)
	defer workers.Close()
	for _, output := range []pipeline.Output{{}, {Restart: pipeline.RestartRow}, {Format: pipeline.RawRGB24}} {
		s := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 32, Height: 64}, Output: output}
		b := faultBatch(t, s)
		for _, w := range []*pipeline.Workers{nil, workers} {
			for _, f := range faults {
				t.Run(fmt.Sprintf("%s/output=%s,%s/shared=%t", f.name, output.Format, output.Restart, w != nil), func(t *testing.T) {
					for n := 1; n <= 200; n += step {
						t.Run(fmt.Sprint(n), func(t *testing.T) { runFault(t, s, w, b, f, n) })
					}
				})
			}
		}
	}
}

// A fault is what happens at the n-th Get of a pool or at the n-th look at a context.
type fault struct {
	name string
	get  func(n int) func(bytes int) error // nil: none
	ends bool                              // the context
	is   func(err error) bool              // of the frame, or of the run
}

var faults = []fault{
	{"refused", pooltest.FailAt, false, func(err error) bool { return errors.Is(err, pool.ErrBudget) }},
	{"panic", pooltest.PanicAt, false, func(err error) bool {
		var pe *pipeline.PanicError
		return errors.As(err, &pe)
	}},
	{"canceled", nil, true, func(err error) bool { return errors.Is(err, context.Canceled) }},
}

// runFault runs b again and again until the fault has happened.
func runFault(t *testing.T, s pipeline.Spec, w *pipeline.Workers, b *pipeline.Batch, f fault, n int) {
	check := &pool.Check{}
	if f.get != nil {
		check.Fault = f.get(n)
	}
	buffers := pooltest.New(t, &pool.Options{Check: check})
	p, err := pipeline.Compile(s, &pipeline.Options{Pool: buffers, Workers: w})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if f.ends {
		var stop context.CancelFunc
		ctx, stop = pooltest.EndAt(ctx, n)
		defer stop()
	}
	const runs = 20 // 25 Gets each, and more looks
	for range runs {
		err := p.Run(ctx, b)
		if (err != nil) && !(f.ends && f.is(err)) {
			t.Fatalf("Run: %v", err)
		}
		failed := 0
		for i := range b.Out {
			if r := &b.Out[i]; r.Err != nil {
				failed++
				if !f.is(r.Err) || !r.Buf.IsZero() {
					t.Fatalf("frame %d: got %v, and a result: %t", i, r.Err, !r.Buf.IsZero())
				}
			}
		}
		b.Release()
		if inUse := buffers.Stats().InUse; inUse != 0 {
			t.Fatalf("%d bytes still leased", inUse)
		}
		switch {
		case failed == 0:
		case err != nil && failed == len(b.In), err == nil && failed == 1:
			return
		default:
			t.Fatalf("Run: %v: %d frames failed", err, failed)
		}
	}
	t.Fatalf("it did not happen in %d runs", runs)
}
