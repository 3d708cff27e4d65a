package mask

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// TestDiv255: the division is exact for every sum that there can be.
func TestDiv255(t *testing.T) {
	for n := range uint32(255*255 + 1) {
		if got, want := div255(n), byte(math.Floor(float64(n)/255+0.5)); got != want {
			t.Fatalf("div255(%d): got %d, want %d", n, got, want)
		}
	}
}

// kernel is one of the kernels, for pixels of size bytes.
type kernel struct {
	name string
	size int
	of   func(k *Kernels) func(dst, under, over, mask []byte)
}

var kernels = []kernel{
	{"gray", 1, func(k *Kernels) func(dst, under, over, mask []byte) { return k.Gray }},
	{"rgb24", 3, func(k *Kernels) func(dst, under, over, mask []byte) { return k.RGB24 }},
}

// want is what a kernel makes, in real numbers.
func (kn kernel) want(under, over, mask []byte) []byte {
	dst := make([]byte, len(mask)*kn.size)
	for i := range dst {
		m := float64(mask[i/kn.size]) / 255
		dst[i] = byte(math.Floor(m*float64(over[i]) + (1-m)*float64(under[i]) + 0.5 + 1e-9))
	}
	return dst
}

// TestWidths runs every width at every alignment, beside what is under and on it.
func TestWidths(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for _, kn := range kernels {
				run, n := kn.of(&k), width*kn.size
				for shift := range 16 {
					under := kerneltest.Copy(kerneltest.Bytes(r, n), shift, 0)
					over := kerneltest.Copy(kerneltest.Bytes(r, n), (shift+5)%16, 0)
					mask := kerneltest.Copy(kerneltest.Bytes(r, width), (shift+11)%16, 0)
					want := kn.want(under.S, over.S, mask.S)
					dst := kerneltest.Make(n, (shift+3)%16, byte(0xA5))
					run(dst.S, under.S, over.S, mask.S)
					dst.Check(t, "dst")
					kerneltest.Same(t, kn.name, dst.S, want)
					run(under.S, under.S, over.S, mask.S)
					under.Check(t, "under")
					kerneltest.Same(t, kn.name+" in place", under.S, want)
				}
			}
		})
	})
}

// TestEdges runs rows beside memory that can't be accessed.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := range 70 {
			r := kerneltest.Rand(uint64(width))
			for _, kn := range kernels {
				n := width * kn.size
				under, over, mask := kerneltest.Bytes(r, n), kerneltest.Bytes(r, n), kerneltest.Bytes(r, width)
				for _, edge := range kerneltest.Edges {
					dst := kerneltest.Guarded[byte](t, n, edge)
					kn.of(&k)(dst, kerneltest.GuardedCopy(t, under, edge), kerneltest.GuardedCopy(t, over, edge), kerneltest.GuardedCopy(t, mask, edge))
					kerneltest.Same(t, kn.name, dst, kn.want(under, over, mask))
				}
			}
		}
	})
}

// TestAllPairs goes over every value under, over and of the mask.
func TestAllPairs(t *testing.T) {
	under, over, mask := make([]byte, 256), make([]byte, 256), make([]byte, 256)
	for i := range mask {
		mask[i] = byte(i)
	}
	gray := kernels[0]
	for u := 0; u < 256; u += 5 { // 0 and 255 among them
		for o := range 256 {
			for i := range mask {
				under[i], over[i] = byte(u), byte(o)
			}
			want := gray.want(under, over, mask)
			for _, e := range Implementations.All() {
				got := make([]byte, 256)
				e.Kernels.Gray(got, under, over, mask)
				kerneltest.Same(t, e.Level.String(), got, want)
			}
		}
	}
}

func TestShortRowsPanic(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, kn := range kernels {
			for short := range 3 {
				rows := [3][]byte{make([]byte, 40*kn.size), make([]byte, 40*kn.size), make([]byte, 40*kn.size)}
				rows[short] = rows[short][: 40*kn.size-1 : 40*kn.size-1]
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s with row %d too short: got no panic, want one", kn.name, short)
						}
					}()
					kn.of(&k)(rows[0], rows[1], rows[2], make([]byte, 40))
				}()
			}
		}
	})
}

func TestAllocs(t *testing.T) {
	row, mask := make([]byte, 300), make([]byte, 100)
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		alloctest.Zero(t, 10, func() {
			k.Gray(row, row, row, mask)
			k.RGB24(row, row, row, mask)
		})
	})
}

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2)
}

// BenchmarkMask lays on rows of 400 pixels.
func BenchmarkMask(b *testing.B) {
	const n = 400
	r := kerneltest.Rand(1)
	under, over, mask, dst := kerneltest.Bytes(r, 3*n), kerneltest.Bytes(r, 3*n), kerneltest.Bytes(r, n), make([]byte, 3*n)
	for _, kn := range kernels {
		for _, e := range Implementations.All() {
			b.Run("kernel="+kn.name+"/n=400/impl="+e.Level.String(), func(b *testing.B) {
				b.SetBytes(n)
				run := kn.of(&e.Kernels)
				for b.Loop() {
					run(dst[:n*kn.size], under, over, mask)
				}
			})
		}
	}
}
