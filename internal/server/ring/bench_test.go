//go:build linux

package ring

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// processorTime returns what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured runs f for each iteration, which has so many frames, and reports the processor time of both sides for a frame, and the
// median time of an iteration.
func measured(b *testing.B, frames int, f func()) {
	took := make([]time.Duration, 0, 1<<20)
	f()
	began := processorTime(b)
	for b.Loop() {
		start := time.Now()
		f()
		if len(took) < cap(took) {
			took = append(took, time.Since(start))
		}
	}
	used := processorTime(b) - began
	slices.Sort(took)
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*frames), "cpu-ns/frame")
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
}

// BenchmarkEncode: W1 through the ring, with client and server in this process and frames that are in their slots already, beside
// the library alone. docs/performance.md has figures.
func BenchmarkEncode(b *testing.B) {
	b.Run("way=library", func(b *testing.B) {
		p, err := pipeline.Compile(w1, nil)
		if err != nil {
			b.Fatal(err)
		}
		pixels := make([]byte, 640*360*3)
		smooth(pixels, 1)
		f, err := frame.WrapBytes(w1.Input, pixels)
		if err != nil {
			b.Fatal(err)
		}
		batch := pipeline.Batch{In: []frame.Frame{f}}
		defer batch.Release()
		measured(b, 1, func() {
			if err := p.Run(b.Context(), &batch); err != nil {
				b.Fatal(err)
			}
		})
	})
	for _, tt := range []struct{ slots, batch int }{{1, 1}, {2, 1}, {4, 1}, {1, 5}, {2, 25}} {
		b.Run(fmt.Sprintf("way=ring/slots=%d/batch=%d", tt.slots, tt.batch), func(b *testing.B) {
			r := start(b, nil)
			c := r.encoder(ring.Hello{Spec: w1, Slots: tt.slots, Batch: tt.batch})
			for slot := range tt.slots {
				for n := range tt.batch {
					smooth(c.Frame(slot, n), 1)
				}
			}
			for slot := range tt.slots - 1 {
				c.submit(slot, tt.batch)
			}
			next := tt.slots - 1
			measured(b, tt.batch, func() {
				c.submit(next, tt.batch)
				next = int(c.done().Slot)
			})
			for range tt.slots - 1 {
				c.done()
			}
		})
	}
}
