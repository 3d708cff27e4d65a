package dct

import (
	"math"
	"testing"
)

// reference is Forward for one block written down as the arithmetic is defined, one int16 at a time. It fails t where
// a value does not fit int16. It returns all 64 coefficients in zig-zag order.
func reference(t testing.TB, block *[64]int16, q *[64]uint8) (out [64]int16) {
	t.Helper()
	ws := *block
	for x := range BlockSize {
		reference8(t, ws[x:], BlockSize)
		for y := range BlockSize {
			ws[y*BlockSize+x] = mulhrs16(t, int32(ws[y*BlockSize+x]), 4096)
		}
	}
	for y := range BlockSize {
		reference8(t, ws[y*BlockSize:], 1)
	}
	for k, at := range Zigzag {
		r := newReciprocal(q[at], int(at)/BlockSize, int(at)%BlockSize)
		m := min(int32(1)<<(15-r.shift), math.MaxInt16)
		out[k] = mulhrs16(t, int32(mulhrs16(t, int32(ws[at]), int32(r.norm))), m)
	}
	return out
}

// reference8 is libjpeg's jfdctfst.c with mulhrs for its multiplications, in place on 8 values n apart.
func reference8(t testing.TB, d []int16, n int) {
	at := func(i int) int32 { return int32(d[i*n]) }
	put := func(i int, v int32) { d[i*n] = fit16(t, v) }
	mul := func(a, c int32) int32 { return int32(mulhrs16(t, a, c)) }
	t0, t7 := at(0)+at(7), at(0)-at(7)
	t1, t6 := at(1)+at(6), at(1)-at(6)
	t2, t5 := at(2)+at(5), at(2)-at(5)
	t3, t4 := at(3)+at(4), at(3)-at(4)
	t10, t13, t11, t12 := t0+t3, t0-t3, t1+t2, t1-t2
	put(0, t10+t11)
	put(4, t10-t11)
	z1 := mul(t12+t13, 23170)
	put(2, t13+z1)
	put(6, t13-z1)
	t10, t11, t12 = t4+t5, t5+t6, t6+t7
	z5 := mul(t10-t12, 12540)
	z2 := mul(t10, 17734) + z5
	z4 := t12 + mul(t12, 10045) + z5
	z3 := mul(t11, 23170)
	z11, z13 := t7+z3, t7-z3
	put(5, z13+z2)
	put(3, z13-z2)
	put(1, z11+z4)
	put(7, z11-z4)
}

func mulhrs16(t testing.TB, a, b int32) int16 {
	return fit16(t, (int32(fit16(t, a))*int32(fit16(t, b))+1<<14)>>15)
}

func fit16(t testing.TB, v int32) int16 {
	if int32(int16(v)) != v {
		t.Fatalf("%d does not fit int16", v)
	}
	return int16(v)
}

// exact is the DCT of T.81, A.3.3, of samples with 4 fractional bits, divided by the quantization table and not
// rounded, in zig-zag order.
func exact(block *[64]int16, q *[64]uint8) (out [64]float64) {
	for k, at := range Zigzag {
		v, u := int(at)/BlockSize, int(at)%BlockSize
		var sum float64
		for y := range BlockSize {
			for x := range BlockSize {
				sum += float64(block[y*BlockSize+x]) / 16 * basis(v, y) * basis(u, x)
			}
		}
		out[k] = sum / float64(q[at])
	}
	return out
}

// basis returns sample x of the orthonormal basis function of frequency u.
func basis(u, x int) float64 {
	if u == 0 {
		return math.Sqrt(1. / 8)
	}
	return math.Cos(float64((2*x+1)*u)*math.Pi/16) / 2
}
