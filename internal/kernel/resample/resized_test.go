package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestResized(t *testing.T) {
	served := 0
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				if width == 0 {
					return
				}
				channels, inputs := 1+shift%2, 1+r.IntN(width*(1+r.IntN(8)))
				z := &Resize{
					Taps: randomTaps(r, width, inputs, channels, 128), Bytes: inputs * channels, Channels: channels, Centered: shift%4 < 2,
				}
				resized := k.Resize(z)
				if resized == nil {
					continue
				}
				served++
				src := kerneltest.Copy(kerneltest.Bytes(r, z.Bytes), shift, byte(r.Uint32()))
				var dst [3][]int16
				var whole [3]kerneltest.Slice[int16]
				for c := range channels {
					whole[c] = kerneltest.Make(RoomFor(width), shift%5, int16(21555))
					dst[c] = whole[c].S[:width]
				}
				resized.Row(dst[:], src.S, shift<<16)
				for c := range channels {
					whole[c].Check(t, "dst")
					kerneltest.Same(t, "dst", dst[c], wantLinear(src.S, z.Taps, c, channels, z.bias()))
				}
			}
		})
	})
	if levels := len(Implementations.All()); levels > 1 && served < 1500*(levels-1) {
		t.Errorf("got %d resizes served at %d levels, want a third of 4112 at each but plain Go", served, levels)
	}
}
