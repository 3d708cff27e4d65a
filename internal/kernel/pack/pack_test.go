package pack

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// exact is the value that v, a sample with 4 fractional bits centered on half the range, has as limited range of the
// given steps.
func exact(v int16, black, steps float64) float64 {
	return black + (float64(v)/16+128)*steps/255
}

// Every sample of the range: within rounding of the definition in real numbers. The product is rounded to 1/128 first.
func TestLimitedRange(t *testing.T) {
	const slack = 0.5 + 1.0/128
	for _, e := range Implementations.All() {
		var got [1]byte
		for v := int16(-2048); v <= 2032; v++ {
			e.Kernels.LimitedLuma(got[:], []int16{v})
			if want := exact(v, 16, 219); math.Abs(float64(got[0])-want) > slack {
				t.Fatalf("%s: luma %d: got %d, want %.3f", e.Level, v, got[0], want)
			}
		}
		for v := int16(-2040); v <= 2040; v++ {
			e.Kernels.LimitedChroma(got[:], []int16{v})
			if want := 128 + float64(v)/16*224/255; math.Abs(float64(got[0])-want) > slack {
				t.Fatalf("%s: chroma %d: got %d, want %.3f", e.Level, v, got[0], want)
			}
		}
	}
}

// Limited range that was widened comes back as it was, however the sixteenths of a step were rounded.
func TestLimitedRangeRoundTrip(t *testing.T) {
	for _, e := range Implementations.All() {
		var got [1]byte
		for want := 16; want <= 235; want++ {
			full := (float64(want)-16)*255/219 - 128
			for _, v := range []float64{math.Floor(full * 16), math.Ceil(full * 16)} {
				if e.Kernels.LimitedLuma(got[:], []int16{int16(v)}); int(got[0]) != want {
					t.Errorf("%s: luma %v/16: got %d, want %d", e.Level, v, got[0], want)
				}
			}
		}
		for want := 16; want <= 240; want++ {
			full := (float64(want) - 128) * 255 / 224
			for _, v := range []float64{math.Floor(full * 16), math.Ceil(full * 16)} {
				v = max(-2040, min(v, 2040))
				if e.Kernels.LimitedChroma(got[:], []int16{int16(v)}); int(got[0]) != want {
					t.Errorf("%s: chroma %v/16: got %d, want %d", e.Level, v, got[0], want)
				}
			}
		}
	}
}

// Every int16 is rounded, halves up, and clamped.
func TestPixelRounding(t *testing.T) {
	for _, e := range Implementations.All() {
		var got [4]byte
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			s := []int16{int16(v)}
			e.Kernels.RGBA(got[:], s, s, s)
			want := byte(max(0, min(math.Floor(float64(v)/16+0.5), 255)))
			if got != [4]byte{want, want, want, 255} {
				t.Fatalf("%s: RGBA(%d): got %d, want %d", e.Level, v, got, want)
			}
			e.Kernels.RGB24(got[:3], s, s, s)
			if got[0] != want || got[1] != want || got[2] != want {
				t.Fatalf("%s: RGB24(%d): got %d, want %d", e.Level, v, got[:3], want)
			}
		}
	}
}

// redZone surrounds what a kernel may write.
const redZone = 0xA5

// Every width, at every offset of destination and sources: each byte is that of the right sample, and nothing around
// them is written.
func TestWidthsAndOffsets(t *testing.T) {
	const seed = 8
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, e := range Implementations.All() {
		for width := 0; width <= 257; width++ {
			for offset := range 8 {
				if !checkWidth(t, e.Kernels, rng, width, offset) {
					t.Fatalf("%s: width %d offset %d seed %d", e.Level, width, offset, seed)
				}
			}
		}
	}
}

func checkWidth(t *testing.T, k Kernels, rng *rand.Rand, width, offset int) bool {
	t.Helper()
	var src [3][]int16
	for i := range src {
		src[i] = make([]int16, offset+width)[offset:]
		for x := range src[i] {
			src[i][x] = int16(rng.IntN(4081))
		}
	}
	buf := make([]byte, 4*width+64)
	check := func(name string, bytes int, kernel func(dst []byte), want func(x, c int) byte) bool {
		for i := range buf {
			buf[i] = redZone
		}
		kernel(buf[offset : offset+width*bytes])
		for i, got := range buf {
			at, w := i-offset, byte(redZone)
			if at >= 0 && at < width*bytes {
				w = want(at/bytes, at%bytes)
			}
			if got != w {
				t.Errorf("%s: byte %d: got %d, want %d", name, at, got, w)
				return false
			}
		}
		return true
	}
	for i := range src[1] {
		src[1][i] -= 2040 // Plane 1 serves as luma and chroma too; RGB clamps it.
	}
	return check("RGB24", 3, func(dst []byte) { k.RGB24(dst, src[0], src[1], src[2]) }, func(x, c int) byte { return pixel(src[c][x]) }) &&
		check("RGBA", 4, func(dst []byte) { k.RGBA(dst, src[0], src[1], src[2]) }, func(x, c int) byte {
			if c == 3 {
				return 255
			}
			return pixel(src[c][x])
		}) &&
		check("LimitedLuma", 1, func(dst []byte) { k.LimitedLuma(dst, src[1]) }, func(x, _ int) byte {
			return byte(math.Floor(math.Floor(float64(src[1][x])*8*lumaFactor/32768+0.5)/128 + 16119.0/128 + 0.5))
		}) &&
		check("LimitedChroma", 1, func(dst []byte) { k.LimitedChroma(dst, src[1]) }, func(x, _ int) byte {
			return byte(math.Floor(math.Floor(float64(src[1][x])*8*chromaFactor/32768+0.5)/128 + 128 + 0.5))
		})
}

func TestShortSourcePanics(t *testing.T) {
	long, short := make([]int16, 2), make([]int16, 1)
	for _, e := range Implementations.All() {
		k := e.Kernels
		for name, call := range map[string]func(){
			"RGB24":         func() { k.RGB24(make([]byte, 6), long, long, short[:1:1]) },
			"RGBA":          func() { k.RGBA(make([]byte, 8), short[:1:1], long, long) },
			"LimitedLuma":   func() { k.LimitedLuma(make([]byte, 2), short[:1:1]) },
			"LimitedChroma": func() { k.LimitedChroma(make([]byte, 2), short[:1:1]) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s of a short source did not panic", e.Level, name)
					}
				}()
				call()
			}()
		}
	}
}

func TestAllocs(t *testing.T) {
	src, dst := make([]int16, 320), make([]byte, 4*320)
	for _, e := range Implementations.All() {
		alloctest.Zero(t, 10, func() {
			e.Kernels.RGB24(dst[:3*320], src, src, src)
			e.Kernels.RGBA(dst, src, src, src)
			e.Kernels.LimitedLuma(dst[:320], src)
			e.Kernels.LimitedChroma(dst[:320], src)
		})
	}
}

func BenchmarkPack(b *testing.B) {
	const width = 320
	src, dst := make([]int16, width), make([]byte, 4*width)
	for _, e := range Implementations.All() {
		for _, k := range []struct {
			name string
			call func()
		}{
			{"rgb24", func() { e.Kernels.RGB24(dst[:3*width], src, src, src) }},
			{"rgba", func() { e.Kernels.RGBA(dst, src, src, src) }},
			{"limitedLuma", func() { e.Kernels.LimitedLuma(dst[:width], src) }},
			{"limitedChroma", func() { e.Kernels.LimitedChroma(dst[:width], src) }},
		} {
			b.Run("kernel="+k.name+"/width=320/impl="+e.Level.String(), func(b *testing.B) {
				b.SetBytes(width)
				for b.Loop() {
					k.call()
				}
			})
		}
	}
}
