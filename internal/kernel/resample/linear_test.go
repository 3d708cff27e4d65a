package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// randomTaps returns taps for n samples of a row of inputs samples that lie step units apart, with weights of 0 to top: rising, as a
// resize has them, or in any order.
func randomTaps(r *rand.Rand, n, inputs, step, top int) []Tap {
	taps := make([]Tap, n)
	rising := r.IntN(2) == 0
	for x := range taps {
		i := r.IntN(inputs)
		if rising {
			i = x * inputs / n
		}
		w := r.IntN(top + 1)
		switch {
		case i == inputs-1 || r.IntN(5) == 0: // the last sample has no neighbor
			w = 0
		case r.IntN(5) == 0:
			w = top
		}
		taps[x] = Tap{uint32(i * step), uint32(w)}
	}
	return taps
}

// wantLinear is a channel of taps as the package defines them, bias subtracted.
func wantLinear(src []byte, taps []Tap, channel, step, bias int) []int16 {
	want := make([]int16, len(taps))
	for x, t := range taps {
		at := int(t.Offset) + channel
		a, b := int(src[at]), 0
		if t.Weight != 0 {
			b = int(src[at+step])
		}
		want[x] = int16(a*(128-int(t.Weight)) + b*int(t.Weight) - bias)
	}
	return want
}

// rows returns three rows of n samples between red zones.
func rows(n int) [3]kerneltest.Slice[int16] {
	var s [3]kerneltest.Slice[int16]
	for i := range s {
		s[i] = kerneltest.Make(n, i, int16(21555))
	}
	return s
}

func checkRows(t *testing.T, got [3]kerneltest.Slice[int16], want ...[]int16) {
	t.Helper()
	for i := range want {
		got[i].Check(t, "dst")
		kerneltest.Same(t, "dst", got[i].S, want[i])
	}
}

func TestPacked(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 8 {
				step, inputs := 3+shift%2, 1+r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, inputs*step), shift, byte(r.Uint32()))
				taps := randomTaps(r, width, inputs, step, 128)
				dst := rows(width)
				k.Packed([3][]int16{dst[0].S, dst[1].S, dst[2].S}, src.S, taps, step)
				checkRows(t, dst, wantLinear(src.S, taps, 0, step, 0), wantLinear(src.S, taps, 1, step, 0), wantLinear(src.S, taps, 2, step, 0))
			}
		})
	})
}

func TestPlane(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 8 {
				inputs := 1 + r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, inputs), shift, byte(r.Uint32()))
				taps := randomTaps(r, width, inputs, 1, 128)
				dst := rows(width)
				k.Plane(dst[0].S, src.S, taps, true)
				k.Plane(dst[1].S, src.S, taps, false)
				checkRows(t, dst, wantLinear(src.S, taps, 0, 1, 128<<7), wantLinear(src.S, taps, 0, 1, 0))
			}
		})
	})
}

func TestPairs(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 8 {
				inputs := 1 + r.IntN(2*width+3)
				src := kerneltest.Copy(kerneltest.Bytes(r, 2*inputs), shift, byte(r.Uint32()))
				taps := randomTaps(r, width, inputs, 2, 128)
				dst := rows(width)
				k.Pairs(dst[0].S, dst[1].S, src.S, taps)
				checkRows(t, dst, wantLinear(src.S, taps, 0, 2, 128<<7), wantLinear(src.S, taps, 1, 2, 128<<7))
			}
		})
	})
}

func TestLookup(t *testing.T) {
	table := (*[256]int16)(kerneltest.Samples(kerneltest.Rand(1), 256, -16384, 16256))
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			src := kerneltest.Copy(kerneltest.Bytes(r, 2*width), r.IntN(8), byte(r.Uint32()))
			want := [3][]int16{make([]int16, width), make([]int16, width), make([]int16, width)}
			for x := range width {
				want[0][x], want[1][x], want[2][x] = table[src.S[2*x]], table[src.S[2*x+1]], table[src.S[x]]
			}
			dst := rows(width)
			k.PairsLookup(dst[0].S, dst[1].S, src.S, table)
			k.Lookup(dst[2].S, src.S[:width], table)
			checkRows(t, dst, want[0], want[1], want[2])
		})
	})
}
