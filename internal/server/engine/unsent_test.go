package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// TestShed: responses that are not taken are cut when they have more than half of the memory or others wait for some: those
// first of which nothing was taken for longest, no more than must be, and none of which some is taken.
func TestShed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		percent []int64         // of the budget, that each response holds
		still   []time.Duration // for how long nothing of it was taken
		waits   bool            // whether somebody waits for memory
		cut     []bool
	}{
		{"little", []int64{10, 10}, []time.Duration{time.Hour, time.Hour}, false, []bool{false, false}},
		{"half", []int64{20, 20, 20}, []time.Duration{2 * time.Second, 3 * time.Second, time.Second}, false, []bool{false, true, false}},
		{"more", []int64{40, 40}, []time.Duration{littlePatience, littlePatience - 1}, false, []bool{true, false}},
		{"much", []int64{30, 30, 30}, []time.Duration{2 * time.Second, 3 * time.Second, time.Second}, false, []bool{true, true, false}},
		{"taken", []int64{20, 20, 20}, []time.Duration{patience - 1, patience - 1, patience}, false, []bool{false, false, true}},
		{"others-wait", []int64{10, 10}, []time.Duration{time.Second, 2 * time.Second}, true, []bool{false, true}},
		{"others-wait-and-it-is-taken", []int64{10}, []time.Duration{patience - 1}, true, []bool{false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, func(c *config.Config) { c.Workers = 1 })
				budget := e.Pool.Stats().Budget
				cut := make([]*fault.Error, len(tt.cut))
				time.Sleep(24 * time.Hour)
				for i := range cut {
					s := e.NewSending(func(f *fault.Error) { cut[i] = f })
					s.Begin(budget / 100 * tt.percent[i])
					s.moved.Add(-int64(tt.still[i]))
					defer s.End()
				}
				if tt.waits {
					g, err := e.Pool.Admit(t.Context(), budget)
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := context.WithCancel(t.Context())
					go func() { _, _ = e.Pool.Admit(ctx, 1) }()
					defer func() { cancel(); synctest.Wait(); g.Release() }()
					synctest.Wait()
				}
				e.shed()
				for i, f := range cut {
					if (f != nil) != tt.cut[i] || f != nil && f.Kind != fault.Slow {
						t.Errorf("response %d: got cut for %v, want cut %t", i, f, tt.cut[i])
					}
				}
			})
		})
	}
}

// TestShedAfterIdleHour: without responses nobody looks; the next are looked at again, and cut.
func TestShedAfterIdleHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *config.Config) { c.Workers = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Shed(ctx) }()
		defer func() { cancel(); <-done }()
		time.Sleep(time.Hour)
		var cut *fault.Error
		s := e.NewSending(func(f *fault.Error) { cut = f })
		s.Begin(e.Pool.Stats().Budget)
		defer s.End()
		time.Sleep(littlePatience + 2*shedEvery)
		synctest.Wait()
		if cut == nil {
			t.Error("got nothing cut, want the response that has all of the memory")
		}
	})
}

// TestSending: what responses hold is counted once, until they end.
func TestSending(t *testing.T) {
	e := newEngine(t, nil)
	a, b := e.NewSending(nil), e.NewSending(nil)
	a.Begin(100)
	a.Begin(70) // the next
	b.Begin(5)
	b.Moved()
	if got := e.unsent.bytes(); got != 75 {
		t.Errorf("got %d bytes unsent, want 75", got)
	}
	a.End()
	a.End()
	b.End()
	if got := e.unsent.bytes(); got != 0 || len(e.unsent.open) != 0 {
		t.Errorf("got %d bytes of %d responses at the end", got, len(e.unsent.open))
	}
}
