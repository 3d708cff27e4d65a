package near

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// want is what Bytes reports, spelled out.
func want(a, b []byte, most uint8) bool {
	for i := range a {
		d := int(a[i]) - int(b[i])
		if d > int(most) || -d > int(most) {
			return false
		}
	}
	return true
}

// TestAllPairs goes over every two bytes and every limit: in every place of a row, of which they are the only ones that differ.
func TestAllPairs(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		a, b := make([]byte, 43), make([]byte, 43)
		at := 0
		for x := range 256 {
			for y := range 256 {
				d := max(x, y) - min(x, y)
				for _, most := range []int{0, d - 1, d, d + 1, 255} {
					if most < 0 || most > 255 {
						continue
					}
					at = (at + 1) % len(a)
					a[at], b[at] = byte(x), byte(y)
					if got := k.Bytes(a, b, uint8(most)); got != (d <= most) {
						t.Fatalf("%d and %d at %d, at most %d: got %v", x, y, at, most, got)
					}
					a[at], b[at] = 7, 7
				}
			}
		}
	})
}

// TestWidths runs every width at every alignment, on rows that differ a little, and in one byte more.
func TestWidths(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				most := uint8(r.IntN(9))
				a := kerneltest.Copy(kerneltest.Bytes(r, width), shift, 0)
				b := kerneltest.Copy(a.S, (shift+5)%16, 0)
				for i := range b.S {
					b.S[i] = byte(min(255, int(b.S[i])+r.IntN(int(most)+1)))
				}
				if !k.Bytes(a.S, b.S, most) || !k.Bytes(b.S, a.S, most) {
					t.Fatalf("width %d, at most %d: got false, want true", width, most)
				}
				if width == 0 {
					continue
				}
				at := r.IntN(width)
				a.S[at], b.S[at] = 100, 100+most+1
				if k.Bytes(a.S, b.S, most) || k.Bytes(b.S, a.S, most) {
					t.Fatalf("width %d, at most %d, more at %d: got true, want false", width, most, at)
				}
				for _, most := range []uint8{0, 100, 255} {
					c := kerneltest.Bytes(r, width)
					if got := k.Bytes(a.S, c, most); got != want(a.S, c, most) {
						t.Fatalf("width %d, random, at most %d: got %v", width, most, got)
					}
				}
			}
		})
	})
}

// TestEdges runs rows beside memory that can't be accessed.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := range 70 {
			a := kerneltest.Bytes(kerneltest.Rand(uint64(width)), width)
			for _, edge := range kerneltest.Edges {
				if !k.Bytes(kerneltest.GuardedCopy(t, a, edge), kerneltest.GuardedCopy(t, a, edge), 0) {
					t.Fatalf("width %d: got false of the same bytes, want true", width)
				}
			}
		}
	})
}

func TestShortRowPanics(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		defer func() {
			if recover() == nil {
				t.Error("got no panic, want one")
			}
		}()
		k.Bytes(make([]byte, 40), make([]byte, 39), 1)
	})
}

func TestAllocatesNothing(t *testing.T) {
	a := make([]byte, 1000)
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		alloctest.Zero(t, 10, func() { k.Bytes(a, a, 3) })
	})
}

func TestLevels(t *testing.T) { kerneltest.Levels(t, &Implementations, impl.AVX2) }
