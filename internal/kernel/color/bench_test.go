package color

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkPacked converts a row of pixels, BGR24 and BGRA, without a resize.
func BenchmarkPacked(b *testing.B) {
	const n = 1280
	dst := [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)}
	pairs := &Pairs{Y: make([]int16, 2*n), Cb: make([]int16, n/2), Cr: make([]int16, n/2), Stride: n, Width: n, Count: 1}
	pixels := &Pixels{Rows: 2}
	for step := 3; step <= 4; step++ {
		src := kerneltest.Bytes(kerneltest.Rand(1), n*step)
		for _, kernel := range []struct {
			name string
			run  func(k *Kernels)
		}{
			{"PackedYCC", func(k *Kernels) { k.PackedYCC(dst, src, Packed{Step: step}) }},
			{"PackedYCCHalf", func(k *Kernels) { k.PackedYCCHalf(dst, src, Packed{Step: step}) }},
			{"PackedLuma", func(k *Kernels) { k.PackedLuma(dst[0], src, Packed{Step: step}) }},
			{"PackedLines", func(k *Kernels) {
				pixels.Pix = src
				k.PackedLines(pairs, pixels, Packed{Step: step})
			}},
			{"HalvedLines", func(k *Kernels) {
				rows := Rows{Upper: src, Lower: src, Stride: n * step / 2}
				k.HalvedLines(Lines{Y: [2][]int16{dst[0][:n/4], dst[2][:n/4]}, Cb: dst[1][:n/8], Cr: dst[1][n/8 : n/4]}, rows, Packed{Step: step})
			}},
		} {
			for _, e := range Implementations.All() {
				b.Run(fmt.Sprintf("kernel=%s/step=%d/n=%d/impl=%s", kernel.name, step, n, e.Level), func(b *testing.B) {
					b.SetBytes(int64(len(src)))
					for b.Loop() {
						kernel.run(&e.Kernels)
					}
				})
			}
		}
	}
}

// BenchmarkPlanar converts rows of planes, without a resize and to half their size.
func BenchmarkPlanar(b *testing.B) {
	const n = 1280
	dst := [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)}
	src := kerneltest.Bytes(kerneltest.Rand(1), 3*n)
	var rgb [3]Rows
	for c := range rgb {
		rgb[c] = Rows{Upper: src[c*n:][:n], Lower: src[c*n:][:n], Stride: n / 2}
	}
	for _, kernel := range []struct {
		name string
		run  func(k *Kernels)
	}{
		{"PlanarLines", func(k *Kernels) {
			k.PlanarLines(Lines{Y: [2][]int16{dst[0], dst[2]}, Cb: dst[1][:n/2], Cr: dst[1][n/2:]}, rgb)
		}},
		{"HalvedPlanarLines", func(k *Kernels) {
			k.HalvedPlanarLines(Lines{Y: [2][]int16{dst[0][:n/4], dst[2][:n/4]}, Cb: dst[1][:n/8], Cr: dst[1][n/8 : n/4]}, rgb)
		}},
	} {
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("kernel=%s/n=%d/impl=%s", kernel.name, n, e.Level), func(b *testing.B) {
				b.SetBytes(3 * n)
				for b.Loop() {
					kernel.run(&e.Kernels)
				}
			})
		}
	}
}

// BenchmarkResized resizes and converts a row of BGR24: Resize of each level, and the plain kernels one after the other.
func BenchmarkResized(b *testing.B) {
	for _, size := range [][2]int{{640, 320}, {1280, 320}, {1920, 320}, {640, 640}, {320, 640}} {
		z := bilinear(size[0], size[1])
		src := kerneltest.Bytes(kerneltest.Rand(1), z.Bytes)
		row := func() [3][]int16 {
			return [3][]int16{make([]int16, size[1]), make([]int16, size[1]), make([]int16, size[1])}
		}
		dst, rgb := row(), row()
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("in=%d/out=%d/impl=%s", size[0], size[1], e.Level), func(b *testing.B) {
				resized := e.Kernels.Resize(z)
				for b.Loop() {
					if resized != nil {
						resized.Row(&dst, src, 0)
						continue
					}
					resample.Implementations.Best(impl.Generic).Kernels.Packed([3][]int16{rgb[2], rgb[1], rgb[0]}, src, z.Taps, z.Step)
					e.Kernels.YCCHalf([3][]int16{dst[0], dst[1][:size[1]/2], dst[2][:size[1]/2]}, rgb)
				}
			})
		}
	}
}

// bilinear returns the Resize of a row of BGR24 with chroma halved.
func bilinear(in, out int) *Resize {
	z := &Resize{Bytes: 3 * in, Packed: Packed{Step: 3}, To: ToYCCHalf}
	for x := range out {
		at := max((2*x+1)*in*128/(2*out)-64, 0) // in 128ths of a pixel
		z.Taps = append(z.Taps, resample.Tap{Offset: uint32(min(at/128, in-1) * 3), Weight: uint32(at % 128)})
	}
	return z
}

// BenchmarkRows runs the kernels of rows and lines.
func BenchmarkRows(b *testing.B) {
	const n = 640
	row := func() [3][]int16 { return [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)} }
	dst, src := row(), row()
	for _, kernel := range []struct {
		name string
		run  func(k *Kernels)
	}{
		{"YCC", func(k *Kernels) { k.YCC(dst, src) }},
		{"YCCHalf", func(k *Kernels) { k.YCCHalf(dst, src) }},
		{"Luma", func(k *Kernels) { k.Luma(dst[0], src) }},
		{"ExpandLuma", func(k *Kernels) { k.ExpandLuma(dst[0]) }},
		{"ExpandChroma", func(k *Kernels) { k.ExpandChroma(dst[1]) }},
		{"LumaTo601", func(k *Kernels) { k.LumaTo601(dst[0], dst[1], dst[2], 1) }},
		{"ChromaTo601", func(k *Kernels) { k.ChromaTo601(dst[1], dst[2]) }},
		{"RGB", func(k *Kernels) { k.RGB(dst, BT601) }},
	} {
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("kernel=%s/n=%d/impl=%s", kernel.name, n, e.Level), func(b *testing.B) {
				for b.Loop() {
					kernel.run(&e.Kernels)
				}
			})
		}
	}
}
