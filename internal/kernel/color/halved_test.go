package color

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// wantHalved is what HalvedLines makes, as the package defines it: Y of two lines, Cb and Cr.
func wantHalved(rows Rows, width int, p Packed) (want [4][]int16) {
	var means [2][][3]int32 // of each line: 2x2 pixels << 5
	for i, pix := range [][]byte{rows.Upper, rows.Lower} {
		for x := range width {
			var m [3]int32
			for c := range m {
				for _, at := range []int{0, p.Step, rows.Stride, rows.Stride + p.Step} {
					m[c] += int32(pix[2*x*p.Step+at+p.channel(c)])
				}
				m[c] <<= 5
			}
			means[i] = append(means[i], m)
			want[i] = append(want[i], int16((toY(m[0], m[1], m[2])+4)>>3))
		}
	}
	for x := 0; x < width; x += 2 {
		var m [3]int32
		for c := range m {
			at := func(x int) int32 { return (means[0][x][c] + means[1][x][c] + 1) >> 1 }
			m[c] = (at(x) + at(min(x+1, width-1)) + 1) >> 1
		}
		want[2] = append(want[2], int16((toCb(m[0], m[1], m[2])+4)>>3))
		want[3] = append(want[3], int16((toCr(m[0], m[1], m[2])+4)>>3))
	}
	return want
}

func TestHalvedLines(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 8 {
				p := Packed{Step: 3 + i%2, RedFirst: i/2%2 == 0}
				rows := Rows{Stride: 2*width*p.Step + r.IntN(70), Ahead: r.IntN(1 << 16)}
				var src [2]kerneltest.Slice[byte]
				for j := range src {
					src[j] = kerneltest.Copy(kerneltest.Bytes(r, rows.Stride+2*width*p.Step), i, byte(r.Uint32()))
				}
				rows.Upper, rows.Lower = src[0].S, src[1].S
				want := wantHalved(rows, width, p)
				upper, lower := makeRows(r, width, (width+1)/2), makeRows(r, width, 0)
				k.HalvedLines(Lines{Y: [2][]int16{upper[0].S, lower[0].S}, Cb: upper[1].S, Cr: upper[2].S}, rows, p)
				upper.check(t, [3][]int16{want[0], want[2], want[3]})
				lower.check(t, [3][]int16{want[1], nil, nil})
			}
		})
	})
}
