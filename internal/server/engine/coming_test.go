package engine

import (
	"bytes"
	"context"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestRunComing: a frame is encoded as it comes where a turn is free. What does not come ends the run: it leaves no result and no turn, and is
// not counted. Where others wait for a turn nothing is waited for, and without one nothing begins.
func TestRunComing(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Workers = 1 })
	s := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 64, Height: 64}}
	plan, err := e.Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]byte, 64*64)
	for i := range pixels {
		pixels[i] = byte(i * i >> 4)
	}
	f, err := frame.WrapBytes(s.Input, pixels)
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{f}}
	defer b.Release()
	if _, err := e.Run(t.Context(), plan, &b, true); err != nil || b.Out[0].Err != nil {
		t.Fatal(err, b.Out[0].Err)
	}
	whole := bytes.Clone(b.Out[0].Bytes())

	free := func(what string) {
		t.Helper()
		if running, waiting := e.Queue(); running != 0 || waiting != 0 {
			t.Errorf("%s: got %d turns and %d waiting afterwards, want none", what, running, waiting)
		}
	}
	last := 0
	_, done := e.RunComing(t.Context(), plan, &b, func(_ context.Context, rows int) bool { last = rows; return true })
	if !done || last != 64 || !bytes.Equal(b.Out[0].Bytes(), whole) {
		t.Errorf("got %t after %d rows, want the bytes of the whole frame", done, last)
	}
	free("done")

	calls := 0
	_, done = e.RunComing(t.Context(), plan, &b, func(ctx context.Context, rows int) bool {
		if calls++; rows < 40 {
			return true
		}
		<-ctx.Done() // after comingTime
		return false
	})
	if done || len(b.Out) != 0 || calls < 3 {
		t.Errorf("late: got %t and %d results after %d calls, want none", done, len(b.Out), calls)
	}
	free("late")

	e.queue.waits.Store(1)
	_, done = e.RunComing(t.Context(), plan, &b, func(ctx context.Context, _ int) bool { return ctx.Err() == nil })
	e.queue.waits.Store(0)
	if done {
		t.Error("others wait: got a wait, want none")
	}
	free("others wait")

	other := newTurn(t.Context(), &e.queue, false)
	if err := other.enter(); err != nil {
		t.Fatal(err)
	}
	if _, done := e.RunComing(t.Context(), plan, &b, func(context.Context, int) bool { t.Error("began without a turn"); return true }); done {
		t.Error("without a turn: got a result")
	}
	other.end()
	free("no turn")

	ended, cancel := context.WithCancel(t.Context())
	if _, done := e.RunComing(ended, plan, &b, func(context.Context, int) bool { cancel(); return true }); done {
		t.Error("canceled: got a result")
	}
	free("canceled")
}
