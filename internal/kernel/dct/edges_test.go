package dct

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestForwardEdges runs every number of blocks beside memory that can't be accessed, on either side of each operand.
func TestForwardEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for n := range 20 {
			rng := kerneltest.Rand(uint64(n))
			q := randomTable(rng, 30)
			table := NewTable(&q)
			for _, stride := range []int{BlockSize * n, BlockSize*n + 5} {
				samples := kerneltest.Samples(rng, 7*stride+BlockSize*n, lowest, highest)
				want, wantMasks := make([]Coefs, n), make([]uint64, n)
				forward(want, wantMasks, samples, stride, table, nil)
				for _, edge := range kerneltest.Edges {
					coefs := kerneltest.Guarded[Coefs](t, n, edge)
					masks := kerneltest.Guarded[uint64](t, n, edge)
					src := kerneltest.GuardedCopy(t, samples, edge)
					for _, fetch := range [][]byte{nil, kerneltest.Guarded[byte](t, n*k.Fetch, edge), make([]byte, 1)} {
						clear(coefs)
						clear(masks)
						k.Forward(coefs, masks, src, stride, table, fetch)
						checkSame(t, coefs, masks, want, wantMasks)
					}
				}
			}
		}
	})
}

// checkSame wants blocks to have the same masks and coefficients.
func checkSame(t *testing.T, coefs []Coefs, masks []uint64, want []Coefs, wantMasks []uint64) {
	t.Helper()
	for i := range want {
		if masks[i] != wantMasks[i] {
			t.Fatalf("block %d of %d: got mask %#x, want %#x", i, len(want), masks[i], wantMasks[i])
		}
		if got, want := zigzag(&coefs[i]), zigzag(&want[i]); got != want {
			t.Fatalf("block %d of %d: got %v, want %v", i, len(masks), got, want)
		}
	}
}

// FuzzForward takes the first byte for the number of blocks, the second and third for the quantization table, and the
// others, again and again, for samples; every implementation makes of them what plain Go does.
func FuzzForward(f *testing.F) {
	f.Add([]byte{0, 0, 1, 128})
	f.Add([]byte{1, 1, 0, 0, 255})
	f.Add([]byte{5, 16, 3, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add([]byte{8, 255, 0, 255, 0, 1, 2, 3, 250})
	f.Add([]byte{11, 1, 7, 90, 91, 140, 17, 33})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 {
			return
		}
		n := 1 + int(data[0])%17
		var q [64]uint8
		for i := range q {
			q[i] = uint8(1 + (int(data[1])+i*int(data[2]))%255)
		}
		samples := make([]int16, 64*n)
		for i := range samples {
			samples[i] = (int16(data[3+i%(len(data)-3)]) - 128) * 16
		}
		table := NewTable(&q)
		want, wantMasks := make([]Coefs, n), make([]uint64, n)
		forward(want, wantMasks, samples, BlockSize*n, table, nil)
		for _, e := range Implementations.All() {
			coefs, masks := make([]Coefs, n), make([]uint64, n)
			e.Kernels.Forward(coefs, masks, samples, BlockSize*n, table, nil)
			checkSame(t, coefs, masks, want, wantMasks)
		}
	})
}

// TestForwardStrides wants strides that no memory can have to panic.
func TestForwardStrides(t *testing.T) {
	q := randomTable(rand.New(rand.NewPCG(1, 1)), 9)
	table := NewTable(&q)
	const most = int(^uint(0) >> 1)
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, stride := range []int{-1, -16, most, most/7 + 1, -most - 1} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("stride %d: got no panic, want one", stride)
					}
				}()
				k.Forward(make([]Coefs, 8), make([]uint64, 8), make([]int16, 512), stride, table, nil)
			}()
		}
	})
}
