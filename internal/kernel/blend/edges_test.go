package blend

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestEdges runs every width beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for width := range 140 {
			for _, edge := range kerneltest.Edges {
				checkEdges(t, k, width, edge)
			}
		}
	})
}

func checkEdges(t *testing.T, k Kernels, width int, edge kerneltest.Edge) {
	t.Helper()
	r := kerneltest.Rand(uint64(width))
	var rows [4][]int16
	for i := range rows {
		rows[i] = kerneltest.GuardedCopy(t, kerneltest.Samples(r, width, -16384, 16320), edge)
	}
	check := func(name string, run, plain func(dst []int16)) {
		t.Helper()
		got, want := kerneltest.Guarded[int16](t, width, edge), make([]int16, width)
		run(got)
		plain(want)
		kerneltest.Same(t, name, got, want)
	}
	w := weight(r)
	upper, lower := Between{rows[0], rows[1], w}, Between{rows[2], rows[3], weight(r)}
	check("Line", func(dst []int16) { k.Line(dst, rows[0]) }, func(dst []int16) { line(dst, rows[0]) })
	check("Lerp", func(dst []int16) { k.Lerp(dst, rows[0], rows[1], w) }, func(dst []int16) { lerp(dst, rows[0], rows[1], w) })
	check("Mean", func(dst []int16) { k.Mean(dst, rows[0], rows[1]) }, func(dst []int16) { mean(dst, rows[0], rows[1]) })
	check("LerpMean", func(dst []int16) { k.LerpMean(dst, upper, lower) }, func(dst []int16) { lerpMean(dst, upper, lower) })
	place := func(i int, w int16) Place {
		a, b := [3][]int16{rows[i], rows[i], rows[i+1]}, [3][]int16{rows[i+1], rows[i+1], rows[i]}
		return Place{A: &a, B: &b, W: w}
	}
	p, q := place(0, w), place(2, upper.W)
	check("Pair", func(dst []int16) { k.Pair(&Pair{Y: dst, Below: dst, Cb: dst, Cr: dst}, &p, &q) },
		func(dst []int16) {
			lerpMean(dst, Between{rows[1], rows[0], p.W}, Between{rows[3], rows[2], q.W})
		})
	sums := kerneltest.Guarded[uint64](t, Sums(width), edge)
	add := func(accumulate func([]uint64, []int16, int16), resolve func([]int16, []uint64), sums []uint64, dst []int16) {
		accumulate(sums, rows[0], 10000)
		accumulate(sums, rows[1], 6384)
		resolve(dst, sums)
	}
	check("Resolve", func(dst []int16) { add(k.Accumulate, k.Resolve, sums, dst) },
		func(dst []int16) { add(accumulate, resolve, make([]uint64, Sums(width)), dst) })
	a, stride := randomAverage(r), width+r.IntN(9)
	pix := kerneltest.GuardedCopy(t, kerneltest.Bytes(r, (a.Count()-1)*stride+width), edge)
	for _, ahead := range []int{0, 1 << 20} {
		rows := Rows{Pix: pix, Stride: stride, Ahead: ahead}
		check("Average", func(dst []int16) { k.Average(dst, rows, a) }, func(dst []int16) { average(dst, rows, a) })
	}
}
