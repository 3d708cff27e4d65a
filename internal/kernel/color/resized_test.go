package color

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// ratios are input pixels for an output pixel, in 100ths: from twice as large to a sixth.
var ratios = []int{50, 83, 100, 113, 150, 200, 260, 267, 300, 400, 533, 600}

// randomResize returns a Resize to width samples: by one of ratios, or of pixels in any order.
func randomResize(r *rand.Rand, width int) *Resize {
	z := &Resize{Packed: Packed{Step: 3 + r.IntN(2), RedFirst: r.IntN(2) == 0}, To: Planes(r.IntN(4))}
	inputs := max(1, width*ratios[r.IntN(len(ratios))]/100)
	anyOrder := r.IntN(4) == 0
	for x := range width {
		at := x*inputs/width + r.IntN(2)
		if anyOrder {
			at = r.IntN(inputs)
		}
		t := resample.Tap{Offset: uint32(min(at, inputs-1) * z.Step), Weight: uint32(r.IntN(129))}
		if r.IntN(4) == 0 {
			t.Weight = t.Weight / 128 * 128
		}
		z.Taps = append(z.Taps, t)
	}
	z.Bytes = inputs * z.Step
	return z
}

// wantResized is what z makes of src in plain Go, one step after the other.
func wantResized(z *Resize, src []byte) [3][]int16 {
	n := len(z.Taps)
	row := func() [3][]int16 { return [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)} }
	in, dst := row(), row()
	order := [3][]int16{in[z.channel(0)], in[z.channel(1)], in[z.channel(2)]}
	resample.Implementations.Best(impl.Generic).Kernels.Packed(in, src, z.Taps, z.Step)
	switch z.To {
	case ToRGB:
		return order
	case ToYCC:
		ycc(dst, order)
	case ToYCCHalf:
		dst[1], dst[2] = dst[1][:(n+1)/2], dst[2][:(n+1)/2]
		yccHalf(dst, order)
	case ToLuma:
		luma(dst[0], order)
		dst[1], dst[2] = nil, nil
	}
	return dst
}

// roomy returns a row of n samples with room behind them, between red zones, and the whole of it.
func roomy(n, shift int) (row []int16, whole kerneltest.Slice[int16]) {
	whole = kerneltest.Make(resample.RoomFor(n), shift, int16(21555))
	return whole.S[:n], whole
}

func TestResized(t *testing.T) {
	served := 0
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				if width == 0 {
					return
				}
				z := randomResize(r, width)
				resized := k.Resize(z)
				if resized == nil {
					continue
				}
				served++
				src := kerneltest.Copy(kerneltest.Bytes(r, z.Bytes), shift, byte(r.Uint32()))
				want := wantResized(z, src.S)
				var dst [3][]int16
				var whole [3]kerneltest.Slice[int16]
				for i := range dst {
					dst[i], whole[i] = roomy(len(want[i]), shift%5)
				}
				resized.Row(&dst, src.S, 1<<16)
				for i := range dst {
					whole[i].Check(t, "dst")
					kerneltest.Same(t, "dst", dst[i], want[i])
				}
			}
		})
	})
	if levels := len(Implementations.All()); levels > 1 && served < 3000*(levels-1) {
		t.Errorf("got %d resizes served at %d levels, want most of 4112 at each but plain Go", served, levels)
	}
}
