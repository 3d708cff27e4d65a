//go:build linux

package ring

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// BenchmarkEncode: W1 through the ring, one frame at a time and several at once, beside the library alone.
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
		for b.Loop() {
			if err := p.Run(b.Context(), &batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, tt := range []struct{ slots, batch int }{{1, 1}, {2, 1}, {4, 1}, {2, 25}} {
		b.Run(fmt.Sprintf("way=ring/slots=%d/batch=%d", tt.slots, tt.batch), func(b *testing.B) {
			r := start(b, nil)
			c := r.encoder(ring.Hello{Spec: w1, Slots: tt.slots, Batch: tt.batch})
			for slot := range tt.slots {
				for n := range tt.batch {
					smooth(c.Frame(slot, n), 1)
				}
			}
			for slot := range tt.slots {
				c.submit(slot, tt.batch)
			}
			for b.Loop() {
				c.submit(int(c.done().Slot), tt.batch)
			}
			for range tt.slots {
				c.done()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tt.batch), "ns/frame")
		})
	}
}
