package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
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

// wantArea is a channel of what z makes of words, as the package defines it.
func wantArea(src []int16, z *Cover, channel int) []int16 {
	var want []int16
	weights := z.Weights
	for _, s := range z.Spans {
		sum := 1 << 13
		for i := range int(s.Count) {
			sum += int(src[int(s.Offset)+channel+i*z.Step]) * int(weights[i])
		}
		sum >>= 14
		if z.Centered {
			sum -= 128 << 7
		}
		want = append(want, int16(sum))
		weights = weights[s.Count:]
	}
	return want
}

func TestCovered(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				if width == 0 {
					return
				}
				step, inputs := 1+shift%4, 1+r.IntN(4*width)
				z := &Cover{Coverage: randomCoverage(r, width, inputs, step), Words: inputs * step, Step: step, Centered: r.IntN(2) == 0}
				covered := k.Cover(z)
				src := kerneltest.Copy(kerneltest.Samples(r, z.SourceRoom(), 0, 32640), shift, int16(r.Uint32()))
				for i := range src.S[z.Words:] {
					src.S[z.Words+i] = int16(r.Uint32()) // what is behind the row does not matter
				}
				var dst [3][]int16
				var whole [3]kerneltest.Slice[int16]
				for c := range z.channels() {
					whole[c] = kerneltest.Make(RoomFor(width), shift%5, int16(21555))
					dst[c] = whole[c].S[:width]
				}
				covered.Row(dst, src.S[:z.Words])
				for c := range z.channels() {
					whole[c].Check(t, "dst")
					kerneltest.Same(t, "dst", dst[c], wantArea(src.S, z, c))
				}
			}
		})
	})
}

func TestCoveredWithoutRoom(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		z := &Cover{Coverage: Coverage{Spans: []Span{{0, 2}}, Weights: []int16{1 << 13, 1 << 13}}, Words: 2, Step: 1}
		covered := k.Cover(z)
		if covered.Level == impl.Generic {
			return
		}
		for _, tt := range []struct {
			want string
			dst  []int16
			src  []int16
		}{
			{"resample: src has no room", make([]int16, 1, 32), make([]int16, 2)},
			{"resample: a row of dst has no room", make([]int16, 1), make([]int16, 2, 64)},
		} {
			func() {
				defer func() {
					if got := recover(); got != tt.want {
						t.Errorf("got panic %v, want %q", got, tt.want)
					}
				}()
				covered.Row([3][]int16{tt.dst}, tt.src)
			}()
		}
	})
}
