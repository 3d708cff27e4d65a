package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// special is what no tensor should hold, and what some do.
var special = []float32{
	float32(math.NaN()), -float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, 0, float32(math.Copysign(0, -1)), 1, -1, 2, 255, 256, 0.5,
}

// formats are float32 and float16 of each range: 0..1, 0..255, -1..1.
var formats = []Format{
	{false, 32640, 0}, {false, 128, 0}, {false, 16320, 16320}, {true, 32640, 0}, {true, 128, 0}, {true, 16320, 16320},
}

// want is the sample for v: the product and the sum each rounded to float32, then rounded and clamped in float64.
func want(v float64, f Format) int16 {
	product := float32(v * float64(f.Factor)) // exact in float64
	t := float64(float32(float64(product) + float64(f.Offset)))
	if !(t > 0) {
		return 0
	}
	return int16(min(math.Floor(float64(float32(t+0.5))), 32640))
}

// putSample writes a random sample of f and returns its value: mostly one inside the range or a little beside it.
func putSample(dst []byte, f Format, r *rand.Rand) float64 {
	odd := r.IntN(4) == 0
	v := float32(r.Float64()*1.2-0.1) * (32640 - f.Offset) / f.Factor
	if f.Half {
		bits := uint16(r.Uint32())
		if !odd {
			bits = oracle.ToHalf(float64(v))
		}
		binary.LittleEndian.PutUint16(dst, bits)
		return oracle.Half(bits)
	}
	if odd {
		v = special[r.IntN(len(special))]
	}
	binary.LittleEndian.PutUint32(dst, math.Float32bits(v))
	return float64(v)
}

func TestRow(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 12 {
				f := formats[i%len(formats)]
				src := kerneltest.Make(f.Size()*width, i, byte(0xff))
				wantRow := make([]int16, width)
				for x := range wantRow {
					wantRow[x] = want(putSample(src.S[f.Size()*x:], f, r), f)
				}
				dst := kerneltest.Make(width, i%5, int16(21555))
				k.Row(dst.S, src.S, i<<16, f)
				dst.Check(t, "dst")
				kerneltest.Same(t, "dst", dst.S, wantRow)
			}
		})
	})
}

func TestPixels(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for i := range 12 {
				f := formats[i%len(formats)]
				src := kerneltest.Make(3*f.Size()*width, i, byte(0xff))
				var dst [3]kerneltest.Slice[int16]
				var rows, wantRows [3][]int16
				for c := range dst {
					dst[c] = kerneltest.Make(width, (i+c)%5, int16(21555))
					rows[c], wantRows[c] = dst[c].S, make([]int16, width)
				}
				for x := range 3 * width {
					wantRows[x%3][x/3] = want(putSample(src.S[f.Size()*x:], f, r), f)
				}
				k.Pixels(rows, src.S, i<<16, f)
				for c := range dst {
					name := fmt.Sprintf("row %d", c)
					dst[c].Check(t, name)
					kerneltest.Same(t, name, rows[c], wantRows[c])
				}
			}
		})
	})
}

// TestEveryHalf takes each of the 65,536 values of a float16 through Row and Pixels.
func TestEveryHalf(t *testing.T) {
	const n = 1 << 16
	src, three := make([]byte, 2*n), make([]byte, 0, 6*n)
	for i := range n {
		binary.LittleEndian.PutUint16(src[2*i:], uint16(i))
		three = append(three, src[2*i], src[2*i+1], src[2*i], src[2*i+1], src[2*i], src[2*i+1])
	}
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, f := range formats {
			if !f.Half {
				continue
			}
			wantRow, row := make([]int16, n), make([]int16, n)
			for i := range wantRow {
				wantRow[i] = want(oracle.Half(uint16(i)), f)
			}
			k.Row(row, src, 0, f)
			kerneltest.Same(t, "Row", row, wantRow)
			rows := [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)}
			k.Pixels(rows, three, 0, f)
			for _, row := range rows {
				kerneltest.Same(t, "Pixels", row, wantRow)
			}
		}
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
				k.Row(dst[:], src[:], 0, Format{Factor: tt.scale, Offset: tt.offset})
				if int(dst[0]) != v<<7 {
					t.Errorf("%v*%v+%v: got %d, want %d", tt.value, tt.scale, tt.offset, dst[0], v<<7)
				}
			}
		}
	})
}
