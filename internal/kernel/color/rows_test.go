package color

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// product is a*b/32768 with halves rounded up, by its definition.
func product(a int16, b int) int { return int(math.Floor(float64(a)*float64(b)/32768 + 0.5)) }

// wantYCC is Y, Cb, Cr of one pixel as the package defines them.
func wantYCC(r, g, b int16) (y, cb, cr int16) {
	return int16(product(r, 9798) + product(g, 19235) + product(b, 3735) - 16384),
		int16(product(r, -5529) + product(g, -10855) + product(b, 16384)),
		int16(product(r, 16384) + product(g, -13720) + product(b, -2664))
}

// wantRows is Y, Cb, Cr of rows, chroma of the means of step neighbors.
func wantRows(rgb [3][]int16, step int) [3][]int16 {
	n := len(rgb[0])
	m := (n + step - 1) / step
	want := [3][]int16{make([]int16, n), make([]int16, m), make([]int16, m)}
	for x := range n {
		want[0][x], _, _ = wantYCC(rgb[0][x], rgb[1][x], rgb[2][x])
	}
	for i := range m {
		var mean [3]int16
		for c := range mean {
			a, b := rgb[c][i*step], rgb[c][min(i*step+step-1, n-1)]
			mean[c] = int16((int(a) + int(b) + 1) >> 1)
		}
		_, want[1][i], want[2][i] = wantYCC(mean[0], mean[1], mean[2])
	}
	return want
}

// guarded is rows between red zones.
type guarded [3]kerneltest.Slice[int16]

// makeRows returns a row of n samples and two of m, each with an alignment of its own.
func makeRows(r *rand.Rand, n, m int) guarded {
	return guarded{kerneltest.Make(n, r.IntN(4), int16(21555)), kerneltest.Make(m, r.IntN(4), int16(21555)), kerneltest.Make(m, r.IntN(4), int16(21555))}
}

func (g guarded) rows() [3][]int16 { return [3][]int16{g[0].S, g[1].S, g[2].S} }

func (g guarded) check(t *testing.T, want [3][]int16) {
	t.Helper()
	for i, name := range []string{"Y", "Cb", "Cr"} {
		g[i].Check(t, name)
		kerneltest.Same(t, name, g[i].S, want[i])
	}
}

// randomRGB returns rows of n samples.
func randomRGB(r *rand.Rand, n int) guarded {
	g := makeRows(r, n, n)
	for i := range g {
		copy(g[i].S, kerneltest.Samples(r, n, 0, 32640))
	}
	return g
}

func TestYCC(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for range 16 {
				rgb := randomRGB(r, width)
				want := wantRows(rgb.rows(), 1)
				full := makeRows(r, width, width)
				k.YCC(full.rows(), rgb.rows())
				full.check(t, want)

				luma := makeRows(r, width, 0)
				k.Luma(luma[0].S, rgb.rows())
				luma.check(t, [3][]int16{want[0], nil, nil})

				half := makeRows(r, width, (width+1)/2)
				k.YCCHalf(half.rows(), rgb.rows())
				half.check(t, wantRows(rgb.rows(), 2))
			}
		})
	})
}

// TestYCCIsColor holds the arithmetic to what it stands for, within the rounding of three products.
func TestYCCIsColor(t *testing.T) {
	var worst float64
	for r := 0; r <= 32640; r += 480 {
		for g := 0; g <= 32640; g += 510 {
			for b := 0; b <= 32640; b += 544 {
				y, cb, cr := wantYCC(int16(r), int16(g), int16(b))
				fy, fcb, fcr := oracle.BT601().YCC(float64(r)/128, float64(g)/128, float64(b)/128)
				worst = max(worst, math.Abs(float64(y)/128-(fy-128)), math.Abs(float64(cb)/128-fcb), math.Abs(float64(cr)/128-fcr))
			}
		}
	}
	// Three roundings by half a 128th each, and factors rounded to 32768ths that are multiplied by at most 255.
	if limit := 1.5/128 + 3*0.5*255/32768; worst > limit {
		t.Errorf("got %.4f 8-bit steps from the float64 matrix, want <= %.4f", worst, limit)
	}
}

// TestPacked holds the conversions of bytes to those of the rows that these bytes are.
func TestPacked(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 16 {
				p := Packed{Step: 3 + i%2, RedFirst: i/2%2 == 0}
				src := kerneltest.Copy(kerneltest.Bytes(r, width*p.Step), i, byte(r.Uint32()))
				rgb := [3][]int16{make([]int16, width), make([]int16, width), make([]int16, width)}
				for x := range width {
					for c := range rgb {
						at := c
						if !p.RedFirst {
							at = 2 - c
						}
						rgb[c][x] = int16(src.S[x*p.Step+at]) << 7
					}
				}
				want := wantRows(rgb, 1)
				full := makeRows(r, width, width)
				k.PackedYCC(full.rows(), src.S, p)
				full.check(t, want)

				luma := makeRows(r, width, 0)
				k.PackedLuma(luma[0].S, src.S, p)
				luma.check(t, [3][]int16{want[0], nil, nil})

				half := makeRows(r, width, (width+1)/2)
				k.PackedYCCHalf(half.rows(), src.S, p)
				half.check(t, wantRows(rgb, 2))
			}
		})
	})
}

// TestPackedLines holds the lines of a band to those that PackedYCCHalf's rows, rounded, are.
func TestPackedLines(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		if k.PackedLines == nil {
			t.Skip("this level has none")
		}
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 8 {
				p := Packed{Step: 3 + i%2, RedFirst: i/2%2 == 0}
				var src [2]kerneltest.Slice[byte]
				var rows [2][3][]int16
				for j := range rows {
					src[j] = kerneltest.Copy(kerneltest.Bytes(r, width*p.Step), i, byte(r.Uint32()))
					rows[j] = makeRows(r, width, (width+1)/2).rows()
					packedYCCHalf(rows[j], src[j].S, p)
				}
				want := [2][3][]int16{{nil, make([]int16, (width+1)/2), make([]int16, (width+1)/2)}}
				for j := range rows {
					for _, y := range rows[j][0] {
						want[j][0] = append(want[j][0], int16((int(y)+4)>>3))
					}
				}
				for c := 1; c < 3; c++ {
					for x := range want[0][c] {
						want[0][c][x] = int16((int(rows[0][c][x]) + int(rows[1][c][x]) + 8) >> 4)
					}
				}
				// Two pairs, of which the second has one row, like the lower of the first.
				size, half := width*p.Step, (width+1)/2
				pix := kerneltest.Copy(slices.Concat(src[0].S, src[1].S, src[1].S), i, byte(r.Uint32()))
				got := makeRows(r, 4*width, 2*half)
				k.PackedLines(&Pairs{Y: got[0].S, Cb: got[1].S, Cr: got[2].S, Stride: width, ChromaStride: half, Width: width, Count: 2},
					&Pixels{Pix: pix.S, Stride: size, Rows: 3, Ahead: i << 16}, p)
				second := [3][]int16{slices.Concat(want[1][0], want[1][0])}
				for c := 1; c < 3; c++ {
					for _, v := range rows[1][c] {
						second[c] = append(second[c], int16((2*int(v)+8)>>4))
					}
				}
				got.check(t, [3][]int16{
					slices.Concat(want[0][0], want[1][0], second[0]), slices.Concat(want[0][1], second[1]), slices.Concat(want[0][2], second[2]),
				})
			}
		})
	})
}

// everySample returns all samples from low to high, behind skip others so that each stands in each lane of a word.
func everySample(low, high, skip int) []int16 {
	s := make([]int16, skip, skip+high-low+1)
	for v := low; v <= high; v++ {
		s = append(s, int16(v))
	}
	return s
}

// limitedRange is how a range is expanded, by the package's definition and in float64.
type limitedRange struct {
	name       string
	expand     func(k Kernels, row []int16)
	slope, add int
	low, high  int
	float      func(float64) float64 // of a sample with 128 subtracted
}

var limitedRanges = []limitedRange{
	{"luma", func(k Kernels, row []int16) { k.ExpandLuma(row) }, 5387, 309, -16384, 16256, func(v float64) float64 { return oracle.FullLuma(v+128) - 128 }},
	{"chroma", func(k Kernels, row []int16) { k.ExpandChroma(row) }, 4535, 0, -16320, 16320, oracle.FullChroma},
}

func (l *limitedRange) want(v int16) int16 {
	return int16(min(max(int(v)+product(v, l.slope)+l.add, l.low), l.high))
}

// check expands a copy of in, at an alignment, and fails t unless it comes out as it must.
func (l *limitedRange) check(t *testing.T, k Kernels, in []int16, shift int) {
	t.Helper()
	want := make([]int16, len(in))
	for i, v := range in {
		want[i] = l.want(v)
	}
	row := kerneltest.Copy(in, shift, int16(21555))
	l.expand(k, row.S)
	row.Check(t, "row")
	kerneltest.Same(t, "row", row.S, want)
}

func TestExpand(t *testing.T) {
	for _, l := range limitedRanges {
		t.Run(l.name, func(t *testing.T) {
			kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
				for skip := range 16 {
					l.check(t, k, everySample(-16384, 16256, skip), skip%4)
				}
				kerneltest.Widths(t, func(width int, r *rand.Rand) {
					l.check(t, k, kerneltest.Samples(r, width, -16384, 16256), width%5)
				})
			})
		})
	}
}

// TestExpandIsRange holds the arithmetic to what it stands for.
func TestExpandIsRange(t *testing.T) {
	for _, l := range limitedRanges {
		for _, v := range everySample(-16384, 16256, 0) {
			if got, want := float64(l.want(v))/128, l.float(float64(v)/128); math.Abs(got-want) > 1.5/128 {
				t.Fatalf("%s %d: got %.4f, want %.4f +- 1.5/128", l.name, v, got, want)
			}
		}
	}
}
