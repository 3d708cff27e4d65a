package near

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
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
				guarded, zeros := kerneltest.GuardedCopy(t, a, edge), kerneltest.GuardedCopy(t, make([]byte, width), edge)
				if !k.Bytes(guarded, kerneltest.GuardedCopy(t, a, edge), 0) {
					t.Fatalf("width %d: got false of the same bytes, want true", width)
				}
				if whole := zeros[:width/4*4]; !k.Floats(whole, whole, 0) || !k.Halves(whole, whole, 0) {
					t.Fatalf("width %d: got false of zeros, want true", width)
				}
			}
		}
	})
}

// TestFloats runs every width at every alignment of float32 and float16, on rows that differ a little, and in one sample more; against
// float64.
func TestFloats(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, f := range []struct {
			name  string
			size  int
			near  func(a, b []byte, most float32) bool
			put   func(p []byte, v float64)
			value func(p []byte) float64
		}{
			{"float32", 4, k.Floats, func(p []byte, v float64) { binary.LittleEndian.PutUint32(p, math.Float32bits(float32(v))) },
				func(p []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(p))) }},
			{"float16", 2, k.Halves, func(p []byte, v float64) { binary.LittleEndian.PutUint16(p, oracle.ToHalf(v)) },
				func(p []byte) float64 { return oracle.Half(binary.LittleEndian.Uint16(p)) }},
		} {
			kerneltest.Widths(t, func(width int, r *rand.Rand) {
				for shift := range 16 {
					a := kerneltest.Copy(make([]byte, width*f.size), shift, 0)
					b := kerneltest.Copy(a.S, (shift+5)%16, 0)
					most, worst := float32(r.Float64()/16), 0.0
					for i := 0; i < len(a.S); i += f.size {
						v := 2*r.Float64() - 1
						f.put(a.S[i:], v)
						f.put(b.S[i:], v+(2*r.Float64()-1)*float64(most))
						worst = max(worst, math.Abs(f.value(a.S[i:])-f.value(b.S[i:])))
					}
					most = float32(worst) * (1 + 1e-6) // the difference may be rounded
					if !f.near(a.S, b.S, most) || !f.near(b.S, a.S, most) {
						t.Fatalf("%s: width %d, at most %v: got false, want true", f.name, width, most)
					}
					if width == 0 {
						continue
					}
					if most := float32(worst) * (1 - 1e-6); worst > 0 && (f.near(a.S, b.S, most) || f.near(b.S, a.S, most)) {
						t.Fatalf("%s: width %d, one differs by %v, at most %v: got true, want false", f.name, width, worst, most)
					}
					at := r.IntN(width) * f.size
					for _, odd := range [][2]float64{{math.NaN(), 0.5}, {math.NaN(), math.NaN()}, {math.Inf(1), 1}, {math.Inf(1), math.Inf(1)}, {math.Inf(-1), math.Inf(1)}} {
						f.put(a.S[at:], odd[0])
						f.put(b.S[at:], odd[1])
						if f.near(a.S, b.S, 1e30) || f.near(b.S, a.S, 1e30) {
							t.Fatalf("%s: width %d, %v: got true, want false", f.name, width, odd)
						}
					}
				}
			})
		}
	})
}

// TestHalves goes over every float16 beside zero and itself.
func TestHalves(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		a, b := make([]byte, 2*13), make([]byte, 2*13)
		for bits := range 1 << 16 {
			at := bits % 13 * 2
			binary.LittleEndian.PutUint16(a[at:], uint16(bits))
			v := math.Abs(oracle.Half(uint16(bits)))
			finite := v <= math.MaxFloat64
			if got := k.Halves(a, a, 0); got != finite {
				t.Fatalf("%04x beside itself: got %v", bits, got)
			}
			if got := k.Halves(a, b, float32(min(v, math.MaxFloat32))); got != finite {
				t.Fatalf("%04x beside 0, at most %v: got %v", bits, v, got)
			}
			if below := math.Nextafter32(float32(v), -1); v > 0 && k.Halves(b, a, below) {
				t.Fatalf("0 beside %04x, at most %v: got true", bits, below)
			}
			binary.LittleEndian.PutUint16(a[at:], 0)
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
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for _, near := range []func(a, b []byte, most float32) bool{k.Floats, k.Halves} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("got no panic of floats, want one")
					}
				}()
				near(make([]byte, 40), make([]byte, 36), 1)
			}()
		}
	})
}

func TestAllocatesNothing(t *testing.T) {
	a := make([]byte, 1000)
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		alloctest.Zero(t, 10, func() { k.Bytes(a, a, 3); k.Floats(a, a, 3); k.Halves(a, a, 3) })
	})
}

func TestLevels(t *testing.T) { kerneltest.Levels(t, &Implementations, impl.AVX2) }
