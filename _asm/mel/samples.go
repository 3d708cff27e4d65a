package main

import (
	"encoding/binary"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// words returns read-only memory with eight times the bits.
func words(a *gen.Asm, name string, bits uint32) operand.Mem {
	var data []byte
	for range 8 {
		data = binary.LittleEndian.AppendUint32(data, bits)
	}
	return a.Bytes(name, data)
}

func floats(a *gen.Asm, name string, value float32) operand.Mem {
	return words(a, name, math.Float32bits(value))
}

// held loads eight words into a register.
func held(a *gen.Asm, name string, m operand.Mem) reg.VecVirtual {
	v := gen.Name(a, name, a.YMM())
	a.VMOVUPS(m, v)
	return v
}

// param broadcasts the bits of a float32, a parameter that is an int.
func param(a *gen.Asm, name string) reg.VecVirtual {
	bits, v := a.XMM(), gen.Name(a, name, a.YMM())
	a.VMOVQ(a.ArgAddr(name), bits)
	a.VBROADCASTSS(bits, v)
	return v
}

const (
	limit       = 1 << 20
	least       = 0x1p-40
	notLess     = 29         // predicate of VCMPPS: >=, and false of NaN (Intel SDM, volume 2, CMPPS: GE_OQ)
	withoutSign = 0x7fffffff // of the bits of a float32
)

// condition writes Condition, for 8 samples at a time.
func condition(a *gen.Asm) {
	a.Func("conditionAVX2", "func(dst, src *float32, vectors, scale, coef int)", `
conditionAVX2 makes 8*vectors samples, vectors > 0. scale and coef are the bits of a float32.
	dst[i] = clean(src[i+1])*scale - coef*(clean(src[i])*scale)`)
	dst, src, vectors := a.Arg("dst"), a.Arg("src"), a.Arg("vectors")
	scale, coef := param(a, "scale"), param(a, "coef")
	high, low := held(a, "1<<20", floats(a, "limit", limit)), held(a, "-1<<20", floats(a, "minusLimit", -limit))
	abs, small := held(a, "all bits but the sign", words(a, "abs", withoutSign)), held(a, "0x1p-40", floats(a, "least", least))
	clean := func(at operand.Mem) reg.VecVirtual {
		v, mask := a.YMM(), a.YMM()
		a.VMOVUPS(at, v)
		a.VANDPS(abs, v, mask)
		a.VCMPPS(operand.U8(notLess), small, mask, mask)
		a.VANDPS(mask, v, v)
		a.VMINPS(high, v, v)
		a.VMAXPS(low, v, v)
		a.VMULPS(scale, v, v)
		return v
	}
	a.Loop("loop", vectors, 1, func() {
		this, before := clean(gen.At(src, 4)), clean(gen.At(src, 0))
		a.VMULPS(coef, before, before)
		a.VSUBPS(before, this, this)
		a.VMOVUPS(this, gen.At(dst, 0))
		a.ADDQ(operand.U8(32), src)
		a.ADDQ(operand.U8(32), dst)
	})
	a.End()
}

// pcm16 writes PCM16, for 8 samples at a time.
func pcm16(a *gen.Asm) {
	a.Func("pcm16AVX2", "func(dst *float32, src *byte, vectors int)", `
pcm16AVX2 makes 8*vectors samples, vectors > 0.
	dst[i] = float32(int16(src[2*i], src[2*i+1])) / (1 << 15)`)
	dst, src, vectors := a.Arg("dst"), a.Arg("src"), a.Arg("vectors")
	fraction := held(a, "1/(1<<15)", floats(a, "fraction", 1.0/(1<<15)))
	a.Loop("loop", vectors, 1, func() {
		v := a.YMM()
		a.VPMOVSXWD(gen.At(src, 0), v)
		a.VCVTDQ2PS(v, v)
		a.VMULPS(fraction, v, v)
		a.VMOVUPS(v, gen.At(dst, 0))
		a.ADDQ(operand.U8(16), src)
		a.ADDQ(operand.U8(32), dst)
	})
	a.End()
}

// dotAVX2 writes Dot, with its 16 sums in two registers.
func dotAVX2(a *gen.Asm) {
	a.Func("dotAVX2", "func(a, b *float32, sixteens int) float32", `
dotAVX2 returns the sum of the products of 16*sixteens elements, sixteens > 0.`)
	x, y, count := a.Arg("a"), a.Arg("b"), a.Arg("sixteens")
	low, high := gen.Name(a, "sums 0..7", a.YMM()), gen.Name(a, "sums 8..15", a.YMM())
	a.VXORPS(low, low, low)
	a.VXORPS(high, high, high)
	a.Loop("loop", count, 1, func() {
		for i, sum := range []reg.VecVirtual{low, high} {
			v := a.YMM()
			a.VMOVUPS(gen.At(x, 32*i), v)
			a.VMULPS(gen.At(y, 32*i), v, v)
			a.VADDPS(v, sum, sum)
		}
		a.ADDQ(operand.U8(64), x)
		a.ADDQ(operand.U8(64), y)
	})
	a.VADDPS(high, low, low)
	finishDot(a, low)
}

// finishDot adds the upper half of eight sums to the lower until one is left, and returns it.
func finishDot(a *gen.Asm, sums reg.VecVirtual) {
	high, sum := a.XMM(), a.XMM()
	a.VEXTRACTF128(operand.U8(1), sums, high)
	a.VADDPS(high, sums.AsX(), sum)
	a.VMOVHLPS(sum, sum, high)
	a.VADDPS(high, sum, sum)
	a.VMOVSHDUP(sum, high)
	a.VADDSS(high, sum, sum)
	result, err := a.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	a.VMOVSS(sum, result.Addr)
	a.End()
}
