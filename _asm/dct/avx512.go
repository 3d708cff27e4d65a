package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// avx512 writes Forward for four blocks at a time.
func avx512(a *gen.Asm) {
	a.Func("forwardAVX512", "func(coefs *[64]int16, masks *uint64, src *int16, stride, quads int, table *[2][8][32]int16, fetch *byte)", `
forwardAVX512 is Kernels.Forward for 4*quads blocks, quads > 0. stride is in bytes. It transforms one block in
each 128-bit lane, and fetches 384 bytes of fetch for each quad.`)
	f := begin(a, a.ZMM, "quads")
	for c, v := range constants {
		f.factor[c] = a.BroadcastW(v.name, v.value)
	}
	index := gen.Name(a, "where the coefficients of zig-zag order are", a.ZMM())
	a.VMOVDQU8(a.Bytes("zigzag", packedOrder()), index)
	ac := gen.Name(a, "all but the DC", a.K())
	bits := a.GP64()
	a.MOVQ(operand.I32(-2), bits)
	a.KMOVQ(bits, ac)

	a.Loop("quad", f.groups, 1, func() {
		f.ahead(6)
		y := f.coefficients()
		a.Comment("Lanes change places, so that 4 columns of a block are together.")
		low, high := f.gather(y[:4]), f.gather(y[4:])
		for block := range 4 {
			a.VMOVDQU16(low[block], gen.At(f.coefs, 128*block))
			a.VMOVDQU16(high[block], gen.At(f.coefs, 128*block+64))
		}
		a.Comment("Masks: words become bytes that are zero where the words are, then are put into zig-zag order.")
		for block := range 4 {
			v, k := a.ZMM(), a.K()
			a.VPACKSSWB(high[block], low[block], v)
			a.VPERMB(v, index, v)
			a.VPTESTMB(v, v, ac, k)
			a.KMOVQ(k, gen.At(f.masks, 8*block))
		}
		f.next(4)
	})
	a.End()
}

// gather returns, for each lane, those of the four registers one after the other.
func (f *forward) gather(y []reg.VecVirtual) (out [4]reg.VecVirtual) {
	shuffle := func(lanes uint8, x, y reg.VecVirtual) reg.VecVirtual {
		v := f.vector()
		f.VSHUFI32X4(operand.U8(lanes), y, x, v)
		return v
	}
	const low, high, even, odd = 0b01_00_01_00, 0b11_10_11_10, 0b10_00_10_00, 0b11_01_11_01
	for i, half := range []uint8{low, high} {
		first, second := shuffle(half, y[0], y[1]), shuffle(half, y[2], y[3])
		out[2*i], out[2*i+1] = shuffle(even, first, second), shuffle(odd, first, second)
	}
	return out
}

// packedOrder is order for bytes as VPACKSSWB leaves them: columns 0, 4, 1, 5, 2, 6, 3 and 7.
func packedOrder() []byte {
	bytes := make([]byte, len(order))
	for k, at := range order {
		u, v := at/8, at%8
		bytes[k] = u%4*16 + u/4*8 + v
	}
	return bytes
}
