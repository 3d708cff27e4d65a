package tensor

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// special is what no tensor should hold, and what some do.
var special = []float32{
	float32(math.NaN()), -float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, 0, float32(math.Copysign(0, -1)), 1, -1, 2, 255, 256, 0.5,
}

// want is the sample for v: the product and the sum each rounded to float32, then rounded and clamped in float64.
func want(v, scale, offset float32) int16 {
	product := float32(float64(v) * float64(scale)) // exact in float64
	t := float64(float32(float64(product) + float64(offset)))
	if !(t > 0) {
		return 0
	}
	return int16(min(math.Floor(float64(float32(t+0.5))), 32640))
}

func TestRow(t *testing.T) {
	scales := [][2]float32{{32640, 0}, {128, 0}, {16320, 16320}}
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 12 {
				s := scales[i%len(scales)]
				src := kerneltest.Make(4*width, i, byte(0xff))
				wantRow := make([]int16, width)
				for x := range wantRow {
					v := float32(r.Float64()*1.2-0.1) * (32640 - s[1]) / s[0]
					if r.IntN(4) == 0 {
						v = special[r.IntN(len(special))]
					}
					binary.LittleEndian.PutUint32(src.S[4*x:], math.Float32bits(v))
					wantRow[x] = want(v, s[0], s[1])
				}
				dst := kerneltest.Make(width, i%5, int16(21555))
				k.Row(dst.S, src.S, i<<16, Scale{s[0], s[1]})
				dst.Check(t, "dst")
				kerneltest.Same(t, "dst", dst.S, wantRow)
			}
		})
	})
}

func TestRowKeepsBytes(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for v := range 256 {
			for _, tt := range []struct{ value, scale, offset float32 }{
				{float32(v) / 255, 32640, 0}, {float32(v), 128, 0}, {float32(v)/127.5 - 1, 16320, 16320},
			} {
				var src [4]byte
				binary.LittleEndian.PutUint32(src[:], math.Float32bits(tt.value))
				var dst [1]int16
				k.Row(dst[:], src[:], 0, Scale{tt.scale, tt.offset})
				if int(dst[0]) != v<<7 {
					t.Errorf("%v*%v+%v: got %d, want %d", tt.value, tt.scale, tt.offset, dst[0], v<<7)
				}
			}
		}
	})
}
