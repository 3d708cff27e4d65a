package mel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// special are samples that tell implementations apart.
var special = []float32{
	float32(math.NaN()), -float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32,
	math.SmallestNonzeroFloat32, -1e-40, 0, float32(math.Copysign(0, -1)), 1, -1, Limit, -Limit, Limit + 1, 0x1p-126, Least, -Least, Least - 0x1p-64,
}

func samples(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if r.IntN(8) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

func same(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d elements, want %d", name, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] of %d: got %v, want %v", name, i, len(got), got[i], want[i])
		}
	}
}

func TestClean(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, tt := range [][2]float32{
		{float32(math.NaN()), 0}, {inf, Limit}, {-inf, -Limit}, {Limit + 1, Limit}, {Limit, Limit}, {1e-45, 0}, {-1e-20, 0}, {Least, Least},
		{-Least, -Least}, {Least - 0x1p-64, 0}, {-0.5, -0.5},
	} {
		if got := Clean(tt[0]); got != tt[1] {
			t.Errorf("%v: got %v, want %v", tt[0], got, tt[1])
		}
	}
}

// TestCondition compares with float64, every width beside memory that can't be accessed.
func TestCondition(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			src := samples(r, width+1)
			for _, p := range [][2]float32{{1, 0.97}, {32768, 0}, {0.5, 1}} {
				want := make([]float32, width)
				for i := range want {
					a, b := float32(float64(Clean(src[i]))*float64(p[0])), float32(float64(Clean(src[i+1]))*float64(p[0]))
					want[i] = float32(float64(b) - float64(float32(float64(a)*float64(p[1]))))
				}
				for _, edge := range kerneltest.Edges {
					got := kerneltest.Guarded[float32](t, width, edge)
					k.Condition(got, kerneltest.GuardedCopy(t, src, edge), p[0], p[1])
					for i := range got {
						if got[i] != want[i] {
							t.Fatalf("%v: sample %d of %d: got %v, want %v", p, i, width, got[i], want[i])
						}
					}
					plain := make([]float32, width)
					condition(plain, src, p[0], p[1])
					same(t, "Condition", got, plain)
				}
			}
		})
	})
}

func TestPCM16(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			src := kerneltest.Bytes(r, 2*width)
			want := make([]float32, width)
			for i := range want {
				want[i] = float32(float64(int16(binary.LittleEndian.Uint16(src[2*i:]))) / 32768)
			}
			for _, edge := range kerneltest.Edges {
				got := kerneltest.Guarded[float32](t, width, edge)
				k.PCM16(got, kerneltest.GuardedCopy(t, src, edge))
				same(t, "PCM16", got, want)
			}
		})
	})
}

// TestBands compares with a whole matrix in float64, and with plain Go.
func TestBands(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for seed := range uint64(60) {
			r := kerneltest.Rand(seed)
			bins, count := 1+r.IntN(60), 1+r.IntN(30)
			rows := make([][]float32, count)
			taps := 0
			for b := range rows {
				rows[b] = make([]float32, bins)
				first := r.IntN(bins + 1)
				for i := first; i < min(bins, first+r.IntN(12)); i++ {
					rows[b][i] = r.Float32()
					taps++
				}
			}
			bank := NewBank(rows, k.lanes)
			if bank.Bands() != count || bank.Taps() > taps {
				t.Fatalf("seed %d: got %d bands, %d taps, want %d and at most %d", seed, bank.Bands(), bank.Taps(), count, taps)
			}
			spectrum := make([]float32, bins*k.lanes)
			for i := range spectrum {
				spectrum[i] = r.Float32()
			}
			plain := make([]float32, count*k.lanes)
			bands(plain, spectrum, bank, k.lanes)
			for _, edge := range kerneltest.Edges {
				bank := *bank
				bank.spans, bank.weights = kerneltest.GuardedCopy(t, bank.spans, edge), kerneltest.GuardedCopy(t, bank.weights, edge)
				got := kerneltest.Guarded[float32](t, count*k.lanes, edge)
				k.Bands(got, kerneltest.GuardedCopy(t, spectrum, edge), &bank)
				same(t, "Bands", got, plain)
				for b, row := range rows {
					for l := range k.lanes {
						want := 0.0
						for i, w := range row {
							want += float64(w) * float64(spectrum[i*k.lanes+l])
						}
						if g := float64(got[b*k.lanes+l]); math.Abs(g-want) > 1e-6*(want+1e-9) {
							t.Fatalf("seed %d band %d lane %d: got %v, want %v", seed, b, l, g, want)
						}
					}
				}
			}
		}
	})
}

// TestLogError holds the logarithm to the error that Log states, over all fractions and exponents.
func TestLogError(t *testing.T) {
	l := &Log{Floor: 0x1p-126, Scale: 1, Min: -math.MaxFloat32, Max: math.MaxFloat32}
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		x := make([]float32, 0, 1<<16)
		for bits := uint32(0x00800000); bits < 0x7f800000; bits += 0x7f31 {
			x = append(x, math.Float32frombits(bits))
		}
		for bits := uint32(0x3f000000); bits < 0x40000000; bits += 0x101 {
			x = append(x, math.Float32frombits(bits))
		}
		got := slices.Clone(x)
		k.Log(got, l)
		for i, v := range x {
			want := math.Log2(float64(v))
			tolerance := 6.4e-8 + math.Abs(want)*0x1p-24
			if math.Abs(want) < 0.5 {
				tolerance = 6.4e-8
			}
			if math.Abs(float64(got[i])-want) > tolerance {
				t.Fatalf("%v: got %v, want %v within %g", v, got[i], want, tolerance)
			}
		}
	})
}

func TestLog(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for _, l := range []Log{{1e-5, 0.5, 1, -4, 4}, {0x1p-126, 3, -1, -math.MaxFloat32, math.MaxFloat32}, {10, 1, 0, 5, 5}} {
				x := samples(r, width)
				want := make([]float32, width)
				for i, v := range x {
					want[i] = logarithm(v, &l)
					if !(want[i] >= l.Min && want[i] <= l.Max) {
						t.Fatalf("%v: got %v, want %v..%v", v, want[i], l.Min, l.Max)
					}
				}
				for _, edge := range kerneltest.Edges {
					got := kerneltest.GuardedCopy(t, x, edge)
					k.Log(got, &l)
					same(t, "Log", got, want)
				}
			}
		})
	})
}

func TestTranspose(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, bands := range []int{1, 3, 8, 26, 80} {
			for frames := range k.lanes + 1 {
				for _, edge := range kerneltest.Edges {
					src := kerneltest.Guarded[float32](t, bands*k.lanes, edge)
					for i := range src {
						src[i] = float32(i)
					}
					dst := kerneltest.Guarded[float32](t, bands*frames, edge)
					k.Transpose(dst, src, frames)
					for f := range frames {
						for b := range bands {
							if got, want := dst[f*bands+b], float32(b*k.lanes+f); got != want {
								t.Fatalf("frame %d of %d, band %d of %d: got %v, want %v", f, frames, b, bands, got, want)
							}
						}
					}
				}
			}
		}
	})
}

func TestDot(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := 0; width <= 512; width += 16 {
			r := kerneltest.Rand(uint64(width))
			a, b := make([]float32, width), make([]float32, width)
			want, size := 0.0, 0.0
			for i := range a {
				a[i], b[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
				want += float64(a[i]) * float64(b[i])
				size += math.Abs(float64(a[i]) * float64(b[i]))
			}
			for _, edge := range kerneltest.Edges {
				got := k.Dot(kerneltest.GuardedCopy(t, a, edge), kerneltest.GuardedCopy(t, b, edge))
				if math.Abs(float64(got)-want) > 1e-6*size {
					t.Fatalf("%d products: got %v, want %v", width, got, want)
				}
				if width > 0 {
					same(t, "Dot", []float32{got}, []float32{dot(a, b)})
				}
			}
		}
	})
}

func BenchmarkKernels(b *testing.B) {
	r := kerneltest.Rand(1)
	src := make([]float32, 4001)
	for i := range src {
		src[i] = r.Float32()
	}
	pcm := kerneltest.Bytes(r, 8000)
	for _, e := range Implementations.All() {
		k := e.Kernels
		rows := make([][]float32, 80)
		for i := range rows { // about as many taps as Wav2Lip's
			rows[i] = make([]float32, 401)
			for j := range 2 + i/5 {
				rows[i][min(400, i+i*i/20+j)] = 1
			}
		}
		bank := NewBank(rows, k.lanes)
		dst, spectrum := make([]float32, 4000), make([]float32, 401*k.lanes)
		features := make([]float32, 80*k.lanes)
		log := &Log{1e-5, 0.5, 1, -4, 4}
		for _, kernel := range []struct {
			name string
			do   func()
		}{
			{"Condition", func() { k.Condition(dst, src, 1, 0.97) }},
			{"PCM16", func() { k.PCM16(dst, pcm) }},
			{"Bands", func() { k.Bands(features, spectrum, bank) }},
			{"Log", func() { k.Log(features, log) }},
			{"Transpose", func() { k.Transpose(dst, features, k.lanes) }},
			{"Dot", func() { k.Dot(src[:384], src[100:484]) }},
		} {
			b.Run(fmt.Sprintf("kernel=%s/lanes=%d/impl=%v", kernel.name, k.lanes, e.Level), func(b *testing.B) {
				for b.Loop() {
					kernel.do()
				}
			})
		}
	}
}
