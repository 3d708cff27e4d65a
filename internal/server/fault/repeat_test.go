package fault

import (
	"errors"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestRepeated: a refusal gets what was made of it, whatever was refused before it, and what was made already where the same was
// refused.
func TestRepeated(t *testing.T) {
	form := func(f *Error) *string {
		text := f.Kind.String() + ": " + f.Error()
		return &text
	}
	faults := []*Error{
		BusyOf("limits.queue_depth", 21, 20, "the queue is full"),
		BusyOf("limits.queue_depth", 25, 20, "the queue is full"), // in the same place
		BusyOf("limits.queue_depth", 22, 20, "the queue is full"),
		BusyOf("limits.memory_budget", 21, 20, "no memory now"),
		{Kind: Busy, Reason: "too many", Got: 21, Err: errors.New("of its own")},
		Errorf(Invalid, "wrong"),
		{Kind: Busy, Reason: "negative", Got: -1},
	}
	var r Repeated[*string]
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for round := range 100 {
				for i, f := range faults {
					if got, want := *r.Of(f, form), *form(f); got != want {
						t.Errorf("round %d, fault %d: got %q, want %q", round, i, got, want)
					}
				}
			}
		})
	}
	all.Wait()
	same := *faults[0]
	if first := r.Of(faults[0], form); r.Of(&same, form) != first {
		t.Error("the same refusal was made again")
	}
	if first := r.Of(faults[5], form); r.Of(faults[5], form) == first {
		t.Error("what is no refusal for want of room is kept")
	}
}

// TestFromAllocatesNothing: for an error that is one of the server's.
func TestFromAllocatesNothing(t *testing.T) {
	var err error = BusyOf("limits.queue_depth", 21, 20, "the queue is full")
	alloctest.Zero(t, 100, func() {
		if From(err) != err {
			t.Error("got another error")
		}
	})
}
