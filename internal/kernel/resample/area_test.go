package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// randomCoverage returns spans of 1 to 9 input samples, rarely of hundreds, for n output samples of a row of inputs samples that lie step
// units apart.
func randomCoverage(r *rand.Rand, n, inputs, step int) Coverage {
	var c Coverage
	for range n {
		count := 1 + r.IntN(min(inputs, 9))
		if r.IntN(50) == 0 {
			count = 1 + r.IntN(inputs)
		}
		c.Spans = append(c.Spans, Span{uint32(r.IntN(inputs-count+1) * step), uint32(count)})
		left := 1 << 14
		for i := range count {
			w := r.IntN(left + 1)
			if i == count-1 {
				w = left
			}
			c.Weights = append(c.Weights, int16(w))
			left -= w
		}
	}
	return c
}

// wantArea is a channel of what c makes of samples, as the package defines it, before the rounding.
func wantArea[T byte | int16](src []T, c Coverage, channel, step int) []int {
	var want []int
	weights := c.Weights
	for _, s := range c.Spans {
		sum := 0
		for i := range int(s.Count) {
			sum += int(src[int(s.Offset)+channel+i*step]) * int(weights[i])
		}
		want = append(want, sum)
		weights = weights[s.Count:]
	}
	return want
}

// round returns the sums as samples, with bits taken off and then bias.
func round(sums []int, bits, bias int) []int16 {
	s := make([]int16, len(sums))
	for i, v := range sums {
		s[i] = int16((v+1<<(bits-1))>>bits - bias)
	}
	return s
}

func TestPackedArea(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 4 {
				step, inputs := 3+shift%2, 1+r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, inputs*step), shift, byte(r.Uint32()))
				c := randomCoverage(r, width, inputs, step)
				dst := rows(width)
				k.PackedArea([3][]int16{dst[0].S, dst[1].S, dst[2].S}, src.S, c, step)
				checkRows(t, dst, round(wantArea(src.S, c, 0, step), 7, 0), round(wantArea(src.S, c, 1, step), 7, 0),
					round(wantArea(src.S, c, 2, step), 7, 0))
			}
		})
	})
}

func TestPlaneArea(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 4 {
				inputs := 1 + r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, inputs), shift, byte(r.Uint32()))
				c := randomCoverage(r, width, inputs, 1)
				dst := rows(width)
				k.PlaneArea(dst[0].S, src.S, c)
				checkRows(t, dst, round(wantArea(src.S, c, 0, 1), 7, 128<<7))
			}
		})
	})
}

func TestPairsArea(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 4 {
				inputs := 1 + r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, 2*inputs), shift, byte(r.Uint32()))
				c := randomCoverage(r, width, inputs, 2)
				dst := rows(width)
				k.PairsArea(dst[0].S, dst[1].S, src.S, c)
				checkRows(t, dst, round(wantArea(src.S, c, 0, 2), 7, 128<<7), round(wantArea(src.S, c, 1, 2), 7, 128<<7))
			}
		})
	})
}

func TestWideArea(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 4 {
				inputs := 1 + r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Samples(r, inputs, 0, 32640), shift, int16(r.Uint32()))
				c := randomCoverage(r, width, inputs, 1)
				dst := rows(width)
				k.WideArea(dst[0].S, src.S, c)
				checkRows(t, dst, round(wantArea(src.S, c, 0, 1), 14, 0))
			}
		})
	})
}

func TestCovered(t *testing.T) {
	served := 0
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 8 {
				if width == 0 {
					return
				}
				step, inputs := 3+shift%2, 1+r.IntN(4*width)
				z := &Cover{Coverage: randomCoverage(r, width, inputs, step), Bytes: inputs * step, Step: step}
				covered := k.Cover(z)
				if covered == nil {
					continue
				}
				served++
				src := kerneltest.Copy(kerneltest.Bytes(r, z.Bytes), shift, byte(r.Uint32()))
				var dst [3][]int16
				var whole [3]kerneltest.Slice[int16]
				for c := range dst {
					whole[c] = kerneltest.Make(RoomFor(width), shift, int16(21555))
					dst[c] = whole[c].S[:width]
				}
				covered.Row(dst, src.S)
				for c := range dst {
					whole[c].Check(t, "dst")
					kerneltest.Same(t, "dst", dst[c], round(wantArea(src.S, z.Coverage, c, step), 7, 0))
				}
			}
		})
	})
	if levels := len(Implementations.All()); levels > 1 && served < 2000*(levels-1) {
		t.Errorf("got %d resizes served at %d levels, want most of 2056 at each but plain Go", served, levels)
	}
}
