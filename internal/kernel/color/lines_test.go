package color

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// randomYCC returns lines of a band, of n samples of luma and m of chroma.
func randomYCC(r *rand.Rand, n, m int) guarded {
	g := makeRows(r, n, m)
	copy(g[0].S, kerneltest.Samples(r, n, -2048, 2032))
	copy(g[1].S, kerneltest.Samples(r, m, -2048, 2040))
	copy(g[2].S, kerneltest.Samples(r, m, -2048, 2040))
	return g
}

// copies returns the lines as they are now.
func (g guarded) copies() (c [3][]int16) {
	for i := range c {
		c[i] = append([]int16{}, g[i].S...)
	}
	return c
}

func clamp(v, low, high int) int16 { return int16(min(max(v, low), high)) }

func TestTo601(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range uint(2) {
				g := randomYCC(r, width, (width+int(shift))>>shift)
				in := g.copies()
				want := g.copies()
				for x, y := range in[0] {
					want[0][x] = clamp(int(y)+product(in[1][x>>shift], 3329)+product(in[2][x>>shift], 6425), -2048, 2032)
				}
				for x := range in[1] {
					want[1][x] = clamp(product(in[1][x], 32436)+product(in[2][x], -3626), -2040, 2040)
					want[2][x] = clamp(product(in[1][x], -2374)+product(in[2][x], 32224), -2040, 2040)
				}
				k.LumaTo601(g[0].S, g[1].S, g[2].S, shift)
				k.ChromaTo601(g[1].S, g[2].S)
				g.check(t, want)
			}
		})
	})
}

func TestRGB(t *testing.T) {
	factors := map[Matrix][4]int{BT601: {13173, -11277, -23401, 25297}, BT709: {18835, -6138, -15339, 28036}}
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for m, f := range factors {
				g := randomYCC(r, width, width)
				want := g.copies()
				for x := range width {
					y, cb, cr := int(want[0][x])+2048, want[1][x], want[2][x]
					want[0][x] = clamp(y+int(cr)+product(cr, f[0]), 0, 4080)
					want[1][x] = clamp(y+product(cb, f[1])+product(cr, f[2]), 0, 4080)
					want[2][x] = clamp(y+int(cb)+product(cb, f[3]), 0, 4080)
				}
				k.RGB(g.rows(), m)
				g.check(t, want)
			}
		})
	})
}

// TestMatrices holds the factors to the matrices of the Recommendations, on samples that no clamp touches.
func TestMatrices(t *testing.T) {
	near := func(name string, got int16, want float64) {
		t.Helper()
		if math.Abs(float64(got)/16-want) > 0.1 {
			t.Errorf("%s: got %.3f, want %.3f +- 0.1", name, float64(got)/16, want)
		}
	}
	r := kerneltest.Rand(1)
	for range 1000 {
		y, cb, cr := int16(r.IntN(400)-200), int16(r.IntN(900)-450), int16(r.IntN(900)-450)
		fy, fcb, fcr := float64(y)/16+128, float64(cb)/16, float64(cr)/16
		for m, o := range map[Matrix]oracle.Matrix{BT601: oracle.BT601(), BT709: oracle.BT709()} {
			line := [3][]int16{{y}, {cb}, {cr}}
			rgb(line, m)
			red, green, blue := o.RGB(fy, fcb, fcr)
			near("R", line[0][0], red)
			near("G", line[1][0], green)
			near("B", line[2][0], blue)
		}
		line := [3][]int16{{y}, {cb}, {cr}}
		lumaTo601(line[0], line[1], line[2], 0)
		chromaTo601(line[1], line[2])
		wy, wcb, wcr := oracle.BT601().YCC(oracle.BT709().RGB(fy, fcb, fcr))
		near("Y of BT.601", line[0][0], wy-128)
		near("Cb of BT.601", line[1][0], wcb)
		near("Cr of BT.601", line[2][0], wcr)
	}
}
