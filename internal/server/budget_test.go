package server_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestBudgetUnderAttack: many streams of 4K frames that together need far more than the budget are held back, not
// refused; the process stays near the budget, and a stream of small frames that was there before goes on without an
// error.
func TestBudgetUnderAttack(t *testing.T) {
	const budget, streams = 64 << 20, 40
	t.Setenv(childCollects, "yes")
	server := startChild(t, `{"limits.memory_budget": "64MiB", "limits.memory_floor": "16MiB"}`)
	dial := func() *client.Client {
		c, err := dialClient(server.GRPC, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	steady, err := dial().EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	batch := &client.Batch{Spec: w1, Frames: makeFrames(t, w1.Input, 2)}
	encodeOnStream(t, steady, batch, 50)
	before := server.counters(t)

	large := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 3840, Height: 2160},
		Resize: pipeline.Resize{Width: 32, Height: 32, Filter: pipeline.Nearest}}
	frames := makeFrames(t, large.Input, 1)
	ctx, cancel := context.WithCancel(timeout(t))
	defer cancel()
	var total atomic.Int64
	var attack sync.WaitGroup
	for range streams {
		c := dial()
		attack.Go(func() {
			s, err := c.EncodeStream(ctx)
			if err != nil {
				return
			}
			var a client.Response
			for ctx.Err() == nil {
				if s.Send(&client.Batch{Spec: large, Frames: frames}) != nil || s.Recv(&a) != nil {
					break
				}
				total.Add(1)
			}
		})
	}
	var peak int64
	for begin := time.Now(); time.Since(begin) < 3*time.Second || total.Load() == 0; {
		if time.Since(begin) > 2*time.Minute {
			t.Fatal("got no large frame encoded, want them held back and not starved")
		}
		encodeOnStream(t, steady, batch, 2)
		peak = max(peak, server.counters(t).RSS)
	}
	cancel()
	attack.Wait()
	most := before.RSS + budget + 32<<20
	t.Logf("%d large frames; memory from %d MB to %d MB, budget %d MB", total.Load(), before.RSS>>20, peak>>20, budget>>20)
	if peak > most {
		t.Errorf("got %d bytes resident, want at most %d: what it was, the budget and 32 MiB", peak, most)
	}
	eventually(t, "all memory is given back", func() bool {
		encodeOnStream(t, steady, batch, 1)
		st := server.counters(t).Stats
		return st.Pool.InUse == 0 && st.OpenRequests == 1
	})
}
