package dct

import (
	"math"
	"slices"
)

// Table is a quantization table made ready for Forward: immutable, shared.
type Table struct {
	// quant[i] quantizes the coefficient at bit i of a block's lane mask (see laneOrder).
	quant [64]quantizer
	// A coefficient y is not zero after quantization where y >= over or y <= under. Lanes as in lanes.go: word [h][u]
	// holds the coefficients of vertical frequencies 4h..4h+3 and horizontal frequency u. under is kept as
	// 65536 + under; the biases that transformRows leaves on its rows are in both.
	over, under [2][BlockSize]uint64

	// vectors is what assembly multiplies by, one after the other: reciprocal.norm, and the factor that is its shift.
	// Column u is vectors[...][u], four times for as many blocks side by side.
	vectors [2][BlockSize][4 * BlockSize]int16

	maxAC int
}

// maxCoefficient is the largest absolute value of an AC coefficient before quantization: Kernels.Forward says why.
const maxCoefficient = 1020

// MaxAC returns a bound of the absolute values of quantized AC coefficients: the largest, and 1 for rounding.
func (t *Table) MaxAC() int { return t.maxAC }

// quantizer divides: (int64(y+laneBias)*recip + bias) >> 31 is the quantized y.
type quantizer struct{ recip, bias int64 }

// aanScale[k] is what the AAN transform multiplies frequency k by (Arai, Agui and Nakajima 1988): 1, and
// sqrt(2)*cos(k*pi/16) above.
var aanScale = [BlockSize]float64{1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379}

// NewTable returns the Table of a quantization table given in row order, all entries 1..255.
func NewTable(q *[64]uint8) *Table {
	t := &Table{maxAC: maxCoefficient/int(slices.Min(q[1:])) + 1}
	for v := range BlockSize {
		for u := range BlockSize {
			r := newReciprocal(q[v*BlockSize+u], v, u)
			h, lane := v/4, uint(v%4)
			over, under := r.thresholds()
			t.over[h][u] |= uint64(over) << (16 * lane)
			t.under[h][u] |= uint64(1<<16+under) << (16 * lane)
			t.quant[int(lane)*16+h*BlockSize+u] = r.quantizer()
			for block := range 4 {
				t.vectors[0][u][block*BlockSize+v] = int16(r.norm)
				t.vectors[1][u][block*BlockSize+v] = int16(r.shiftFactor())
			}
		}
	}
	for h := range 2 {
		for u, unbias := range [...]uint64{unbias0, unbias1, unbias2, unbias3, unbias4, unbias5, unbias6, unbias7} {
			t.over[h][u] -= unbias
			t.under[h][u] -= unbias
		}
	}
	return t
}

// reciprocal is the definition of quantization: y/d is mulhrs(y, norm), rounded to the nearest by a shift. The
// rounding shift of y by s bits is mulhrs(y, 1<<(15-s)); where s is 0 it leaves y as it is, and so does mulhrs(y,
// 32767), which fits int16, since |y| <= 1031 there (the last coefficient, the one whose divisor may be below 2).
type reciprocal struct {
	norm  int64 // 2^(15+shift) / d, in 16384..32767
	shift uint  // floor(log2(d)), 0..12
}

// newReciprocal returns the reciprocal of the divisor at vertical frequency v and horizontal frequency u: the
// transform leaves 16*aanScale[v]*aanScale[u] times the coefficient of T.81 A.3.3, 1.2 <= d <= 7850.
func newReciprocal(q uint8, v, u int) reciprocal {
	d := 16 * aanScale[v] * aanScale[u] * float64(q)
	_, exp := math.Frexp(d) // d = f * 2^exp, 0.5 <= f < 1
	shift := exp - 1
	norm := int64(math.Round(math.Ldexp(1, 15+shift) / d))
	return reciprocal{norm: min(norm, math.MaxInt16), shift: uint(shift)} // a power of two gives 32768
}

// quantize is the definition: two roundings, one after the other.
func (r reciprocal) quantize(y int64) int64 {
	y = mulhrs(y, r.norm)
	if r.shift == 0 {
		return y
	}
	return mulhrs(y, r.shiftFactor())
}

// shiftFactor is what a rounding shift by r.shift multiplies by.
func (r reciprocal) shiftFactor() int64 { return min(int64(1)<<(15-r.shift), math.MaxInt16) }

// mulhrs is the rounding multiplication that defines this package's results.
func mulhrs(a, b int64) int64 { return (a*b + 1<<14) >> 15 }

// quantizer returns quantize as one multiplication. Since floor((floor(a/m)+b)/n) = floor((a+b*m)/(m*n)), with s for
// the shift,
//
//	quantize(y) = (y*norm + 1<<14 + 1<<(14+s)) >> (15+s)      (without the second term where s is 0)
//
// and with all of it times 1<<(16-s) the shift is 31 for every coefficient.
func (r reciprocal) quantizer() quantizer {
	round := int64(1) << 14
	if r.shift > 0 {
		round += 1 << (14 + r.shift)
	}
	recip := r.norm << (16 - r.shift)
	return quantizer{recip: recip, bias: round<<(16-r.shift) - laneBias*recip}
}

// thresholds returns the least y > 0 and the greatest y < 0 that do not quantize to zero, at most 3930 and at least
// -3930.
func (r reciprocal) thresholds() (over, under int64) {
	for over = 1; r.quantize(over) == 0; over++ {
	}
	for under = -1; r.quantize(under) == 0; under-- {
	}
	return over, under
}
