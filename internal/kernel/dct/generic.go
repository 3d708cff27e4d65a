package dct

import "math/bits"

// forward is the plain Go Kernels.Forward.
func forward(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table, _ []byte) {
	coefs = coefs[:len(masks)]
	var w workspace
	for i := range masks {
		w.load(src, i*BlockSize, stride)
		w.columns()
		masks[i] = quantize(&coefs[i], &w.rows, w.transformRows(t), t)
	}
}

// workspace is one block on its way, as lanes.
type workspace struct {
	samples [2][BlockSize]uint64 // [g][y]: lane i of row y is sample 4g+i
	cols    [2][BlockSize]uint64 // [h][x]: lane i of column x is vertical frequency 4h+i
	rows    [16]uint64           // [8*h+u]: lane i is vertical frequency 4h+i, horizontal frequency u
}

// load takes the block whose rows start at src[o], src[o+stride], ...; lanes get a bias of laneBias.
func (w *workspace) load(src []int16, o, stride int) {
	for y := range BlockSize {
		s := (*[BlockSize]int16)(src[o : o+BlockSize : o+BlockSize])
		w.samples[0][y] = pack(s[0], s[1], s[2], s[3]) ^ signs
		w.samples[1][y] = pack(s[4], s[5], s[6], s[7]) ^ signs
		o += stride
	}
}

// pack returns four samples as they lie in memory. Where that is from low to high, the compiler makes one load of it.
func pack(a, b, c, d int16) uint64 {
	return uint64(uint16(a)) | uint64(uint16(b))<<16 | uint64(uint16(c))<<32 | uint64(uint16(d))<<48
}

// columns transforms down the columns, four at a time, and divides by 8, which is mulhrs(y, 4096):
// 2,048 -> 20,600 -> 2,576.
func (w *workspace) columns() {
	const round = 4 * lanes
	const unbias0 = mod - 7*laneBias*lanes%mod // from the biases of the eight inputs
	for g := range 2 {
		x := &w.samples[g]
		y0, y1, y2, y3, y4, y5, y6, y7 := fdct8(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7])
		c := (*[4]uint64)(w.cols[0][4*g:])
		c[0], c[1], c[2], c[3] = transpose(
			y0+(unbias0+round)%mod, y1+(unbias1+round)%mod, y2+(unbias2+round)%mod, y3+(unbias3+round)%mod)
		c = (*[4]uint64)(w.cols[1][4*g:])
		c[0], c[1], c[2], c[3] = transpose(
			y4+(unbias4+round)%mod, y5+(unbias5+round)%mod, y6+(unbias6+round)%mod, y7+(unbias7+round)%mod)
	}
}

// transformRows transforms along the rows, four at a time: 2,576 -> 25,900. It leaves rows with the biases of fdct8,
// and returns where coefficients are not zero after quantization: bit 16*l+i for lane l of rows[i].
func (w *workspace) transformRows(t *Table) (nonzero uint64) {
	for h := range 2 {
		x := &w.cols[h]
		y0, y1, y2, y3, y4, y5, y6, y7 := fdct8(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7])
		r := (*[BlockSize]uint64)(w.rows[BlockSize*h:])
		r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7] = y0, y1, y2, y3, y4, y5, y6, y7
		over, under := &t.over[h], &t.under[h]
		n := ((y0-over[0])|(under[0]-y0))&signs>>15 |
			((y1-over[1])|(under[1]-y1))&signs>>14 |
			((y2-over[2])|(under[2]-y2))&signs>>13 |
			((y3-over[3])|(under[3]-y3))&signs>>12 |
			((y4-over[4])|(under[4]-y4))&signs>>11 |
			((y5-over[5])|(under[5]-y5))&signs>>10 |
			((y6-over[6])|(under[6]-y6))&signs>>9 |
			((y7-over[7])|(under[7]-y7))&signs>>8
		nonzero |= n << (BlockSize * h)
	}
	return nonzero
}

// quantize stores the DC coefficient and those in nonzero, whose bits 0-2 are u, 3 and 4-5 v/4 and v%4, and returns the
// latter's mask in zig-zag order.
func quantize(coefs *Coefs, rows *[16]uint64, nonzero uint64, t *Table) (mask uint64) {
	*coefs = Coefs{}
	dc := int64(rows[0] & 0xFFFF)
	coefs[0] = int16((dc*t.quant[0].recip + t.quant[0].bias) >> 31)
	for n := nonzero &^ 1; n != 0; n &= n - 1 {
		i := bits.TrailingZeros64(n) & 63
		q := &t.quant[i]
		y := int64(uint16((rows[i&15] + rowUnbias[i&15]) >> (i & 48)))
		coefs[i&7<<3|i>>1&4|i>>4] = int16((y*q.recip + q.bias) >> 31)
		mask |= 1 << (zigzagOfLane[i] & 63)
	}
	return mask
}

// rowUnbias brings workspace.rows to a bias of laneBias.
var rowUnbias = [16]uint64{
	unbias0, unbias1, unbias2, unbias3, unbias4, unbias5, unbias6, unbias7,
	unbias0, unbias1, unbias2, unbias3, unbias4, unbias5, unbias6, unbias7,
}

// zigzagOfLane[16*l+8*h+u] is the zig-zag index of vertical frequency 4h+l, horizontal frequency u.
var zigzagOfLane = func() (z [64]uint8) {
	for k, at := range Zigzag {
		v, u := int(at)/BlockSize, int(at)%BlockSize
		z[v%4*16+v/4*8+u] = uint8(k)
	}
	return z
}()
