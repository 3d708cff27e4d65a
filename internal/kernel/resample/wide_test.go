package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// wantWide is what z makes of words, as the package defines it.
func wantWide(src []int16, z *Wide) []int16 {
	want := make([]int16, len(z.Taps))
	for x, tap := range z.Taps {
		a, b := int(src[tap.Offset]), int(src[tap.Offset+1])
		want[x] = int16(a + ((b-a)*int(tap.Weight)+1<<14)>>15)
	}
	return want
}

func TestWidened(t *testing.T) {
	served := 0
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				if width == 0 {
					return
				}
				inputs := 1 + r.IntN(width*(1+r.IntN(8)))
				z := &Wide{Taps: randomTaps(r, width, inputs, 1, 32767), Words: inputs + 1}
				widened := k.Widen(z)
				if widened.Level != impl.Generic {
					served++
				}
				src := kerneltest.Copy(kerneltest.Samples(r, z.SourceRoom(), 0, 32640), shift, int16(r.Uint32()))
				for i := range src.S[z.Words:] {
					src.S[z.Words+i] = int16(r.Uint32()) // what is behind the row does not matter
				}
				whole := kerneltest.Make(RoomFor(width), shift%5, int16(21555))
				dst := whole.S[:width]
				widened.Row(dst, src.S[:z.Words])
				whole.Check(t, "dst")
				kerneltest.Same(t, "dst", dst, wantWide(src.S, z))
			}
		})
	})
	if levels := len(Implementations.All()); levels > 2 && served < 1000*(levels-1) {
		t.Errorf("got %d rows served at %d levels, want a quarter of 4112 at each but plain Go", served, levels)
	}
}
