package blend

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// Ranges of rows.
var (
	chroma = [][2]int{{-16384, 16320}}
	every  = append(chroma, [][2]int{{-16384, 16256}, {0, 32640}}...) // luma, and R, G, B
)

// weight returns the weight of a second row, often an extreme one.
func weight(r *rand.Rand) int16 {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return 32767
	default:
		return int16(r.IntN(32768))
	}
}

// between is what lies at w 32768ths of the way from a to b, as the package defines it.
func between(a, b, w int16) int {
	return int(a) + (int(b-a)*int(w)+1<<14)>>15
}

// everyRow calls f with rows of every width, pair of alignments, and one of ranges; rows have the second alignment.
func everyRow(t *testing.T, ranges [][2]int, f func(r *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16])) {
	kerneltest.Widths(t, func(width int, r *rand.Rand) {
		for shift := range 16 {
			limits := ranges[r.IntN(len(ranges))]
			var rows [4]kerneltest.Slice[int16]
			for i := range rows {
				rows[i] = kerneltest.Copy(kerneltest.Samples(r, width, limits[0], limits[1]), shift/4, int16(r.Uint32()))
			}
			dst := kerneltest.Make(width, shift%4, int16(21555))
			f(r, dst, rows)
			dst.Check(t, "dst")
		}
	})
}

func TestLine(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		everyRow(t, every, func(_ *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16]) {
			want := make([]int16, len(dst.S))
			for i, v := range rows[0].S {
				want[i] = int16((int(v) + 4) >> 3)
			}
			k.Line(dst.S, rows[0].S)
			kerneltest.Same(t, "dst", dst.S, want)
		})
	})
}

func TestLerp(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		everyRow(t, every, func(r *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16]) {
			w := weight(r)
			want := make([]int16, len(dst.S))
			for i := range want {
				want[i] = int16((between(rows[0].S[i], rows[1].S[i], w) + 4) >> 3)
			}
			k.Lerp(dst.S, rows[0].S, rows[1].S, w)
			kerneltest.Same(t, "dst", dst.S, want)
		})
	})
}

func TestMean(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		everyRow(t, chroma, func(_ *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16]) {
			want := make([]int16, len(dst.S))
			for i := range want {
				want[i] = int16((int(rows[0].S[i]) + int(rows[1].S[i]) + 8) >> 4)
			}
			k.Mean(dst.S, rows[0].S, rows[1].S)
			kerneltest.Same(t, "dst", dst.S, want)
		})
	})
}

func TestLerpMean(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		everyRow(t, chroma, func(r *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16]) {
			upper, lower := Between{rows[0].S, rows[1].S, weight(r)}, Between{rows[2].S, rows[3].S, weight(r)}
			want := make([]int16, len(dst.S))
			for i := range want {
				v0, v1 := between(upper.A[i], upper.B[i], upper.W), between(lower.A[i], lower.B[i], lower.W)
				want[i] = int16((v0 + v1 + 8) >> 4)
			}
			k.LerpMean(dst.S, upper, lower)
			kerneltest.Same(t, "dst", dst.S, want)
		})
	})
}

// randomPlace returns a place between random rows of n samples of Y and m of chroma; with weight 0 there is one row alone.
func randomPlace(r *rand.Rand, n, m int) Place {
	row := func() *[3][]int16 {
		return &[3][]int16{kerneltest.Samples(r, n, -16384, 16256), kerneltest.Samples(r, m, -16384, 16320), kerneltest.Samples(r, m, -16384, 16320)}
	}
	p := Place{A: row(), W: weight(r)}
	if p.W != 0 {
		p.B = row()
	}
	return p
}

// wantBetween returns the samples of plane i that lie at p.
func wantBetween(p *Place, i int) []int {
	want := make([]int, len(p.A[i]))
	for x, v := range p.A[i] {
		want[x] = int(v)
		if p.W != 0 {
			want[x] = between(v, p.B[i][x], p.W)
		}
	}
	return want
}

func TestPair(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 16 {
				half := (width + 1) / 2
				upper, lower := randomPlace(r, width, half), randomPlace(r, width, half)
				below := width
				if i%4 == 3 {
					below = 0
				}
				var got [4]kerneltest.Slice[int16]
				for c, n := range []int{width, below, half, half} {
					got[c] = kerneltest.Make(n, (i+c)%4, int16(21555))
				}
				k.Pair(&Pair{Y: got[0].S, Below: got[1].S, Cb: got[2].S, Cr: got[3].S}, &upper, &lower)
				for c, p := range []*Place{&upper, &lower} {
					for x, v := range wantBetween(p, 0)[:len(got[c].S)] {
						if want := int16((v + 4) >> 3); got[c].S[x] != want {
							t.Fatalf("%d samples, Y %d of line %d: got %d, want %d", width, x, c, got[c].S[x], want)
						}
					}
				}
				for c := 1; c < 3; c++ {
					above, under := wantBetween(&upper, c), wantBetween(&lower, c)
					for x := range above {
						if want := int16((above[x] + under[x] + 8) >> 4); got[1+c].S[x] != want {
							t.Fatalf("%d samples, chroma %d of plane %d: got %d, want %d", width, x, c, got[1+c].S[x], want)
						}
					}
				}
				for c := range got {
					got[c].Check(t, "line")
				}
			}
		})
	})
}

func TestAccumulate(t *testing.T) {
	weights := [4]int16{1, 9000, 7000, 383} // adding up to 1<<14
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		everyRow(t, every, func(_ *rand.Rand, dst kerneltest.Slice[int16], rows [4]kerneltest.Slice[int16]) {
			want := make([]int16, len(dst.S))
			sums := kerneltest.Make(Sums(len(dst.S)), 0, uint64(77))
			clear(sums.S)
			for i := range want {
				sum := 1 << 13
				for n := range rows {
					sum += int(rows[n].S[i]) * int(weights[n])
				}
				want[i] = int16(sum >> 14)
			}
			for range 2 { // the second time shows that the sums were left at 0
				for n := range rows {
					k.Accumulate(sums.S, rows[n].S, weights[n])
				}
				k.Resolve(dst.S, sums.S)
				sums.Check(t, "sums")
				kerneltest.Same(t, "dst", dst.S, want)
			}
		})
	})
}

func TestAccumulateOneRow(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		row := kerneltest.Samples(kerneltest.Rand(1), 64, -16384, 32640)
		sums, dst := make([]uint64, Sums(len(row))), make([]int16, len(row))
		k.Accumulate(sums, row, 1<<14)
		k.Resolve(dst, sums)
		kerneltest.Same(t, "dst", dst, row)
	})
}
