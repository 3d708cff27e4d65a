package live

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestOthersDoNotHarmAStream: a stream that has its memory keeps its rate while fifty publishers ask for more than
// there is. Those that could never fit are refused at once. As many of the others as fit are admitted, and publish; the
// rest are refused after timeouts.queue.
func TestOthersDoNotHarmAStream(t *testing.T) {
	tests := []struct {
		name string
		desc frame.Desc
		in   [2]int64 // publishers that are admitted
		not  fault.Kind
		wait time.Duration // of those that do not
	}{
		{"bgr24-4K", frame.Desc{Format: frame.BGR24, Width: 3840, Height: 2160}, [2]int64{0, 0}, fault.TooLarge, 0},
		{"yuv420p-4K", frame.Desc{Format: frame.I420, Width: 3840, Height: 2160}, [2]int64{1, 1}, fault.Busy, 5 * time.Second},
		{"yuv420p-720p", frame.Desc{Format: frame.I420, Width: 1280, Height: 720}, [2]int64{4, 20}, fault.Busy, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = 74*config.MiB, 0 })
				p := r.publish("small", Settings{})
				v := r.view("small")
				ctx, cancel := context.WithCancel(context.Background())
				asked := time.Now()
				var attackers sync.WaitGroup
				var in atomic.Int64
				for i := range 50 {
					attackers.Go(func() {
						attacker, err := r.Publish(ctx, fmt.Sprint("attacker-", i), Settings{Spec: pipeline.Spec{Input: tt.desc}})
						if err == nil {
							in.Add(1)
							defer attacker.Close()
							err = r.flood(ctx, attacker, tt.desc)
							if err != nil {
								t.Errorf("got %v for frames that are admitted", err)
							}
						} else if kindOf(err) != tt.not || time.Since(asked) != tt.wait {
							t.Errorf("got %v after %v, want %v after %v", err, time.Since(asked), tt.not, tt.wait)
						}
					})
				}
				for n := range 150 { // 6 s at 25 a second
					r.put(p, n)
					if s := r.next(v); s.index != n || s.Captured != time.Now() {
						t.Fatalf("got frame %d, captured at %v, want frame %d of now, %v", s.index, s.Captured, n, time.Now())
					}
					time.Sleep(40 * time.Millisecond)
				}
				cancel()
				attackers.Wait()
				if n := in.Load(); n < tt.in[0] || n > tt.in[1] {
					t.Errorf("got %d of 50 in, want %v", n, tt.in)
				}
				if s := r.engine.Pool.Stats(); s.Refused != 0 || s.InUse > s.Budget {
					t.Errorf("got %d Gets refused, %d bytes leased of %d, want none refused", s.Refused, s.InUse, s.Budget)
				}
				r.counts(p, 150, 150, 0)
			})
		})
	}
}

// flood publishes frames of d at 25 a second until ctx ends.
func (r *running) flood(ctx context.Context, p *Publisher, d frame.Desc) error {
	for ctx.Err() == nil {
		f, err := frame.New(r.engine.Pool, d)
		if err != nil {
			return err
		}
		if err := p.Frame(f, time.Now()); err != nil {
			return err
		}
		_ = pause.For(ctx, 40*time.Millisecond)
	}
	return nil
}
