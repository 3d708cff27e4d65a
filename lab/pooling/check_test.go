package pooling

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// TestFindings: what an option must not do is found, in a process of its own as in a real run, and nothing else is.
func TestFindings(t *testing.T) {
	skipChildren(t)
	patience.Grow(t, minDuration, findingsOfTurns) // On a busy machine a short turn does little more than fill pools.
}

func findingsOfTurns(t testing.TB, lasting time.Duration) {
	want := map[string]string{"leaks": Leaks, "shares": Corrupt, "writes-after-put": Corrupt, "drops": NoReuse, "none": "", "pool": ""}
	c := shortConfig(t, slices.Sorted(maps.Keys(want))...)
	c.Duration = lasting
	res, err := c.Run(t.Context(), "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	type key struct {
		option string
		mode   Mode
	}
	got := map[key]string{}
	for i, f := range res.Findings {
		got[key{f.Option, f.Mode}] += f.Kind
		if !strings.HasPrefix(f.Text, f.Kind+": ") {
			t.Errorf("text: got %q, want one that begins with %q", f.Text, f.Kind)
		}
		if !strings.Contains(res.Remarks[i], f.Option) || !strings.Contains(res.Remarks[i], f.Text) {
			t.Errorf("remark %d: got %q, want one about %s, %s", i, res.Remarks[i], f.Option, f.Text)
		}
	}
	for option, kind := range want {
		for _, m := range Modes() {
			if got := got[key{option, m}]; got != kind {
				t.Errorf("%s, mode %s: got findings %q, want %q", option, m, got, kind)
			}
		}
	}
}

// TestCorruptCounts: of the frames of a batch that share one input, all but the last are wrong.
func TestCorruptCounts(t *testing.T) {
	tr := shortTurn("shares", Flat)
	r := tr.run(optionCalled(t, "shares"), heapFrames())
	if want := r.Frames / tr.Batch * (tr.Batch - 1); r.Frames == 0 || r.Corrupt != want {
		t.Errorf("got %d of %d frames corrupt, want %d", r.Corrupt, r.Frames, want)
	}
}

// TestCollectedIsNoFinding: collections empty what is a sync.Pool, which is no fault.
func TestCollectedIsNoFinding(t *testing.T) {
	w := W1.workload()
	turn := shortTurn("pool", Flat)
	r := turnResult{Batches: 100, Frames: 2500}
	r.BytesPerFrame, r.Collections = float64(w.frameBytes()), 400
	if got := findings(optionCalled(t, "pool"), &turn, []turnResult{r}); len(got) > 0 {
		t.Errorf("with four collections a batch: got %+v, want none", got)
	}
	r.Collections = 399
	if got := findings(optionCalled(t, "pool"), &turn, []turnResult{r}); len(got) != 1 || got[0].Kind != NoReuse {
		t.Errorf("with fewer: got %+v, want %q", got, NoReuse)
	}
}

// TestChildFails: the error says which option it was, and why.
func TestChildFails(t *testing.T) {
	skipChildren(t)
	tests := []struct {
		option string
		grace  time.Duration
		want   []string
	}{
		{"crashes", time.Minute, []string{"option crashes, mode open", "exit status 2", "panic: out of buffers on purpose"}},
		{"hangs", time.Second, []string{"option hangs, mode open", "no result after ", "hanging.get"}},
	}
	for _, tt := range tests {
		t.Run("option="+tt.option, func(t *testing.T) {
			patience.Grow(t, tt.grace, func(t testing.TB, grace time.Duration) {
				c := shortConfig(t, tt.option)
				c.Modes, c.grace = []Mode{Open}, grace
				_, err := c.Run(t.Context(), "test", nil)
				var failed *TurnError
				if !errors.As(err, &failed) || failed.Option != tt.option || failed.Mode != Open {
					t.Fatalf("got %v, want a *TurnError of %s", err, tt.option)
				}
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got %q, want it to say %q", err, want)
					}
				}
			})
		})
	}
}

// TestCancel: a run ends at once when it is interrupted, whatever its child does.
func TestCancel(t *testing.T) {
	interrupted := errors.New("interrupted by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	start := time.Now()
	c := shortConfig(t, "hangs")
	_, err := c.Run(ctx, "test", func(Progress) { time.AfterFunc(50*time.Millisecond, func() { cancel(interrupted) }) })
	if !errors.Is(err, interrupted) {
		t.Errorf("got %v, want %v", err, interrupted)
	}
	if took := time.Since(start); took > childGrace/2 {
		t.Errorf("took %v, want what the test waits and little more", took)
	}
}
