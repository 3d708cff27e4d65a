package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func avx2(a *gen.Asm) {
	limited(a)
	rgb24(a)
	rgba(a)
}

// limited writes the kernel of LimitedLuma and LimitedChroma, which differ in two constants.
func limited(a *gen.Asm) {
	a.Func("limitedAVX2", "func(dst *byte, src *int16, vectors int, factor, offset uint64)", `
limitedAVX2 writes 32*vectors bytes, vectors > 0. factor and offset are one word four times.
	for i, v := range src {
		dst[i] = byte((mulhrs(v<<3, factor) + offset) >> 7)
	}`)
	dst, src, vectors := a.Arg("dst"), a.Arg("src"), a.Arg("vectors")
	factor, offset := gen.Name(a, "factor", a.YMM()), gen.Name(a, "offset", a.YMM())
	a.VPBROADCASTQ(a.ArgAddr("factor"), factor)
	a.VPBROADCASTQ(a.ArgAddr("offset"), offset)
	a.Loop("loop", vectors, 1, func() {
		var words [2]reg.VecVirtual
		for i := range words {
			w := a.YMM()
			a.VMOVDQU(gen.At(src, 32*i), w)
			a.VPSLLW(operand.U8(3), w, w)
			a.VPMULHRSW(factor, w, w)
			a.VPADDW(offset, w, w)
			a.VPSRLW(operand.U8(7), w, w)
			words[i] = w
		}
		a.VMOVDQU(packBytes(a, words), gen.At(dst, 0))
		a.ADDQ(operand.U8(64), src)
		a.ADDQ(operand.U8(32), dst)
	})
	a.End()
}

// packBytes returns 32 words as bytes, clamped, in their order. It uses up the words.
func packBytes(a *gen.Asm, words [2]reg.VecVirtual) reg.VecVirtual {
	a.VPACKUSWB(words[1], words[0], words[0])
	a.VPERMQ(operand.U8(0b11_01_10_00), words[0], words[0]) // VPACKUSWB works on halves: quarters 0, 2, 1, 3
	return words[0]
}

// pixels loads 32 samples of src and returns them as bytes.
//
//	clamp((v + 8) >> 4)
//
// The sum saturates: what does not fit 16 bits is far beyond 255 anyway.
func pixels(a *gen.Asm, src reg.GPVirtual, eight reg.VecVirtual) reg.VecVirtual {
	var words [2]reg.VecVirtual
	for i := range words {
		words[i] = a.YMM()
		a.VPADDSW(gen.At(src, 32*i), eight, words[i])
		a.VPSRAW(operand.U8(4), words[i], words[i])
	}
	a.ADDQ(operand.U8(64), src)
	return packBytes(a, words)
}

// rgb24 writes the kernel of RGB24.
func rgb24(a *gen.Asm) {
	a.Func("rgb24AVX2", "func(dst *byte, red, green, blue *int16, vectors int, shuffles *[9][16]byte)", `
rgb24AVX2 writes 32*vectors pixels, vectors > 0.
	for i := range r {
		dst[3*i], dst[3*i+1], dst[3*i+2] = pixel(r[i]), pixel(g[i]), pixel(b[i])
	}
shuffles[3*i+c] puts what 16 samples of color c have in bytes 16*i..16*i+15 in their places.`)
	dst, vectors := a.Arg("dst"), a.Arg("vectors")
	src := []reg.GPVirtual{a.Arg("red"), a.Arg("green"), a.Arg("blue")}
	shuffles := a.Arg("shuffles")
	var masks [9]reg.VecVirtual
	for i := range masks {
		masks[i] = a.YMM()
		a.VBROADCASTI128(gen.At(shuffles, 16*i), masks[i])
	}
	eight := broadcast8(a)
	a.Loop("loop", vectors, 1, func() {
		var colors [3]reg.VecVirtual
		for c := range colors {
			colors[c] = pixels(a, src[c], eight)
		}
		for i := range 3 {
			out := a.YMM()
			a.VPSHUFB(masks[3*i], colors[0], out)
			for c := 1; c < 3; c++ {
				part := a.YMM()
				a.VPSHUFB(masks[3*i+c], colors[c], part)
				a.VPOR(part, out, out)
			}
			a.VMOVDQU(out.AsX(), gen.At(dst, 16*i))
			a.VEXTRACTI128(operand.U8(1), out, gen.At(dst, 48+16*i))
		}
		a.ADDQ(operand.U8(96), dst)
	})
	a.End()
}

// rgba writes the kernel of RGBA.
func rgba(a *gen.Asm) {
	a.Func("rgbaAVX2", "func(dst *byte, red, green, blue *int16, vectors int)", `
rgbaAVX2 writes 32*vectors pixels, vectors > 0.
	for i := range r {
		dst[4*i], dst[4*i+1], dst[4*i+2], dst[4*i+3] = pixel(r[i]), pixel(g[i]), pixel(b[i]), 255
	}`)
	dst, vectors := a.Arg("dst"), a.Arg("vectors")
	src := []reg.GPVirtual{a.Arg("red"), a.Arg("green"), a.Arg("blue")}
	eight := broadcast8(a)
	opaque := gen.Name(a, "255 in each byte", a.YMM())
	a.VPCMPEQD(opaque, opaque, opaque)
	a.Loop("loop", vectors, 1, func() {
		r, g, b := pixels(a, src[0], eight), pixels(a, src[1], eight), pixels(a, src[2], eight)
		// Each half of a register holds 16 pixels: their first 8 as pairs of bytes, then the others.
		for i, unpack := range []func(...operand.Op){a.VPUNPCKLBW, a.VPUNPCKHBW} {
			rg, ba, low, high := a.YMM(), a.YMM(), a.YMM(), a.YMM()
			unpack(g, r, rg)
			unpack(opaque, b, ba)
			a.VPUNPCKLWD(ba, rg, low)
			a.VPUNPCKHWD(ba, rg, high)
			for j, out := range []reg.VecVirtual{low, high} {
				at := 32*i + 16*j
				a.VMOVDQU(out.AsX(), gen.At(dst, at))
				a.VEXTRACTI128(operand.U8(1), out, gen.At(dst, 64+at))
			}
		}
		a.SUBQ(operand.I8(-128), dst)
	})
	a.End()
}

// broadcast8 returns a register with 8, half a step of 4 fractional bits, in each word.
func broadcast8(a *gen.Asm) reg.VecVirtual {
	eight := gen.Name(a, "8 in each word", a.YMM())
	a.VPCMPEQW(eight, eight, eight)
	a.VPSRLW(operand.U8(15), eight, eight)
	a.VPSLLW(operand.U8(3), eight, eight)
	return eight
}
