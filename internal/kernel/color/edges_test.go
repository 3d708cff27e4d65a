package color

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestEdges runs every width beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := 1; width < 100; width++ {
			for _, edge := range kerneltest.Edges {
				e := edges{t, edge, kerneltest.Rand(uint64(width)).Uint64()}
				e.packed(&k, width)
				e.planar(&k, width)
				e.rows(&k, width)
				e.lines(&k, width)
				e.resized(&k, width)
				e.planarResized(&k, width)
			}
		}
	})
}

// edges is memory that can't be accessed beside one edge of every slice.
type edges struct {
	*testing.T
	edge kerneltest.Edge
	seed uint64
}

// samples returns random rows, guarded.
func (e *edges) samples(low, high int, lengths ...int) (rows [3][]int16) {
	r := kerneltest.Rand(e.seed)
	for i, n := range lengths {
		rows[i] = kerneltest.GuardedCopy(e.T, kerneltest.Samples(r, n, low, high), e.edge)
	}
	return rows
}

func (e *edges) bytes(n int) []byte {
	return kerneltest.GuardedCopy(e.T, kerneltest.Bytes(kerneltest.Rand(e.seed), n), e.edge)
}

// same wants run to make, in rows of these lengths, what plain does.
func (e *edges) same(name string, run, plain func(rows [3][]int16), lengths ...int) {
	e.Helper()
	got, want := e.samples(-2048, 2032, lengths...), e.samples(-2048, 2032, lengths...)
	run(got)
	plain(want)
	for i := range want {
		kerneltest.Same(e.T, name, got[i], want[i])
	}
}

func (e *edges) packed(k *Kernels, n int) {
	for step := 3; step <= 4; step++ {
		src, p := e.bytes(n*step), Packed{Step: step, RedFirst: n%2 == 0}
		half := (n + 1) / 2
		e.same("PackedYCC", func(dst [3][]int16) { k.PackedYCC(dst, src, p) }, func(dst [3][]int16) { packedYCC(dst, src, p) }, n, n, n)
		e.same("PackedYCCHalf", func(dst [3][]int16) { k.PackedYCCHalf(dst, src, p) },
			func(dst [3][]int16) { packedYCCHalf(dst, src, p) }, n, half, half)
		e.same("PackedLuma", func(dst [3][]int16) { k.PackedLuma(dst[0], src, p) },
			func(dst [3][]int16) { packedLuma(dst[0], src, p) }, n)
		y1 := e.samples(0, 0, n)[0]
		lines := func(dst [3][]int16) Lines { return Lines{Y: [2][]int16{dst[0], y1}, Cb: dst[1], Cr: dst[2]} }
		pairs := Rows{Upper: e.bytes((4*n + 1) * step), Lower: e.bytes((4*n + 1) * step), Stride: (2*n + 1) * step, Ahead: n << 20}
		e.same("HalvedLines", func(dst [3][]int16) { k.HalvedLines(lines(dst), pairs, p) },
			func(dst [3][]int16) { halvedLines(lines(dst), pairs, p) }, n, half, half)
		if k.PackedLines == nil {
			continue
		}
		rows := 1 + n%5
		count, stride, chroma, next := (rows+1)/2, n+rows%3, half+rows%2, n*step+n%3
		pix := &Pixels{Pix: e.bytes((rows-1)*next + n*step), Stride: next, Rows: rows, Ahead: n << 20}
		many := func(dst [3][]int16) *Pairs {
			return &Pairs{Y: dst[0], Cb: dst[1], Cr: dst[2], Stride: stride, ChromaStride: chroma, Width: n, Count: count}
		}
		e.same("PackedLines", func(dst [3][]int16) { k.PackedLines(many(dst), pix, p) },
			func(dst [3][]int16) { packedLines(many(dst), pix, p) }, (2*count-1)*stride+n, (count-1)*chroma+half, (count-1)*chroma+half)
	}
}

func (e *edges) planar(k *Kernels, n int) {
	half, y1 := (n+1)/2, e.samples(0, 0, n)[0]
	lines := func(dst [3][]int16) Lines { return Lines{Y: [2][]int16{dst[0], y1}, Cb: dst[1], Cr: dst[2]} }
	var rgb, pairs [3]Rows
	for c := range rgb {
		e.seed++
		stride := 2*n + c
		rgb[c] = Rows{Upper: e.bytes(n), Lower: e.bytes(n), Ahead: n << 20}
		pairs[c] = Rows{Upper: e.bytes(stride + 2*n), Lower: e.bytes(stride + 2*n), Stride: stride, Ahead: n << 20}
	}
	e.same("PlanarLines", func(dst [3][]int16) { k.PlanarLines(lines(dst), rgb) },
		func(dst [3][]int16) { planarLines(lines(dst), rgb) }, n, half, half)
	e.same("HalvedPlanarLines", func(dst [3][]int16) { k.HalvedPlanarLines(lines(dst), pairs) },
		func(dst [3][]int16) { halvedPlanarLines(lines(dst), pairs) }, n, half, half)
}

func (e *edges) rows(k *Kernels, n int) {
	rgb := e.samples(0, 32640, n, n, n)
	half := (n + 1) / 2
	e.same("YCC", func(dst [3][]int16) { k.YCC(dst, rgb) }, func(dst [3][]int16) { ycc(dst, rgb) }, n, n, n)
	e.same("YCCHalf", func(dst [3][]int16) { k.YCCHalf(dst, rgb) }, func(dst [3][]int16) { yccHalf(dst, rgb) }, n, half, half)
	e.same("Luma", func(dst [3][]int16) { k.Luma(dst[0], rgb) }, func(dst [3][]int16) { luma(dst[0], rgb) }, n)
}

func (e *edges) lines(k *Kernels, n int) {
	e.same("ExpandLuma", func(dst [3][]int16) { k.ExpandLuma(dst[0]) }, func(dst [3][]int16) { expandLuma(dst[0]) }, n)
	e.same("ExpandChroma", func(dst [3][]int16) { k.ExpandChroma(dst[0]) }, func(dst [3][]int16) { expandChroma(dst[0]) }, n)
	for shift := range uint(2) {
		c := (n + int(shift)) >> shift
		e.same("LumaTo601", func(dst [3][]int16) { k.LumaTo601(dst[0], dst[1], dst[2], shift) },
			func(dst [3][]int16) { lumaTo601(dst[0], dst[1], dst[2], shift) }, n, c, c)
	}
	e.same("ChromaTo601", func(dst [3][]int16) { k.ChromaTo601(dst[0], dst[1]) },
		func(dst [3][]int16) { chromaTo601(dst[0], dst[1]) }, n, n)
	e.same("RGB", func(dst [3][]int16) { k.RGB(dst, BT709) }, func(dst [3][]int16) { rgb(dst, BT709) }, n, n, n)
}

func (e *edges) resized(k *Kernels, n int) {
	for i := range uint64(4) {
		z := randomResize(kerneltest.Rand(e.seed+i), n)
		resized := k.Resize(z)
		if resized == nil {
			continue
		}
		src := e.bytes(z.Bytes)
		want := wantResized(z, src)
		var dst [3][]int16
		for c := range dst {
			dst[c] = kerneltest.Guarded[int16](e.T, resample.RoomFor(len(want[c])), e.edge)[:len(want[c])]
		}
		resized.Row(&dst, src, n<<20)
		for c := range dst {
			kerneltest.Same(e.T, "Resized", dst[c], want[c])
		}
	}
}

func (e *edges) planarResized(k *Kernels, n int) {
	for i := range uint64(4) {
		z := randomPlanarResize(kerneltest.Rand(e.seed+i), n)
		resized := k.ResizePlanar(z)
		if resized == nil {
			continue
		}
		var rgb [3][]byte
		for c := range rgb {
			e.seed++
			rgb[c] = e.bytes(z.Bytes)
		}
		want := wantPlanarResized(z, rgb)
		var dst [3][]int16
		for c := range dst {
			dst[c] = kerneltest.Guarded[int16](e.T, resample.RoomFor(len(want[c])), e.edge)[:len(want[c])]
		}
		resized.Row(dst, rgb, n<<20)
		for c := range dst {
			kerneltest.Same(e.T, "PlanarResized", dst[c], want[c])
		}
	}
}
