package blend

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// randomAverage returns the mean of one row or more, rarely of very many.
func randomAverage(r *rand.Rand) Average {
	before, whole, behind := r.IntN(1<<14), 1+r.IntN(9), r.IntN(1<<14)
	switch r.IntN(5) {
	case 0:
		before = 0
	case 1:
		behind = 0
	case 2:
		before, behind = 0, 0
	case 3:
		whole, before = 0, 1<<15-behind
	}
	if whole > 0 && r.IntN(40) == 0 {
		whole = 1 + r.IntN(MaxWhole)
	}
	return NewAverage(before, whole, behind)
}

// wantAverage is what a makes of column x of rows, as the package defines it.
func wantAverage(pix []byte, stride, x int, a Average) int16 {
	at, want := x, 0
	if a.Before != 0 {
		want += int(pix[at]) << 8 * int(a.Before) >> 16
		at += stride
	}
	sum := 0
	for range a.Whole {
		sum += int(pix[at])
		at += stride
	}
	want += sum << a.Shift * int(a.Weight) >> 16
	if a.Behind != 0 {
		want += int(pix[at]) << 8 * int(a.Behind) >> 16
	}
	return int16(want)
}

func TestAverage(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				a, stride := randomAverage(r), width+r.IntN(100)
				pix := kerneltest.Copy(kerneltest.Bytes(r, max((a.Count()-1)*stride+width, 1)), shift, byte(r.Uint32()))
				want := make([]int16, width)
				for x := range want {
					want[x] = wantAverage(pix.S, stride, x, a)
				}
				dst := kerneltest.Make(width, shift%4, int16(21555))
				k.Average(dst.S, Rows{Pix: pix.S, Stride: stride, Ahead: r.IntN(1 << 16)}, a)
				dst.Check(t, "dst")
				kerneltest.Same(t, "dst", dst.S, want)
			}
		})
	})
}

// TestNewAverage: means of bytes that are the same are those, from 4 below to none above in 128ths, and one row, or two that
// count the same, lose nothing.
func TestNewAverage(t *testing.T) {
	for whole := range MaxWhole + 1 {
		for _, before := range []int{0, 1, 5461, 16383, 16384} {
			for _, behind := range []int{0, 1, 5461, 16383, 16384} {
				if whole == 0 && before+behind != 1<<15 {
					continue
				}
				a := NewAverage(before, whole, behind)
				pix := make([]byte, a.Count())
				for _, v := range []byte{0, 1, 127, 254, 255} {
					for i := range pix {
						pix[i] = v
					}
					if got := wantAverage(pix, 1, 0, a); got > int16(v)<<7 || got < int16(v)<<7-3 {
						t.Fatalf("%+v of %d: got %d, want %d or up to 3 less", a, v, got, int(v)<<7)
					}
				}
			}
		}
	}
	for v := range 256 {
		for w := range 256 {
			one, two := NewAverage(0, 1, 0), NewAverage(0, 2, 0)
			if got := wantAverage([]byte{byte(v)}, 1, 0, one); int(got) != v<<7 {
				t.Fatalf("of %d alone: got %d, want %d", v, got, v<<7)
			}
			if got := wantAverage([]byte{byte(v), byte(w)}, 1, 0, two); int(got) != (v+w)<<6 {
				t.Fatalf("of %d and %d: got %d, want %d", v, w, got, (v+w)<<6)
			}
		}
	}
}
