package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// begin begins a function of n samples.
func (b *blender) begin(name, params, doc string) {
	name += b.level
	b.Func(name, "func("+params+")", fmt.Sprintf("%s makes n samples, n >= %d.\n%s", name, b.samples, doc))
}

// each runs body for each vector of n samples, at the index of its first. The last vector ends with the last sample, so
// that it may overlap the one before.
func (b *blender) each(body func(at reg.GPVirtual)) {
	n := b.Arg("n")
	last, at := gen.Name(b.Asm, "where the last vector begins", b.GP64()), gen.Name(b.Asm, "samples done", b.GP64())
	b.LEAQ(gen.At(n, -b.samples), last)
	b.XORL(at.As32(), at.As32())
	loop, done := b.NewLabel("loop"), b.NewLabel("done")
	b.Label(string(loop))
	body(at)
	b.ADDQ(operand.U8(uint8(b.samples)), at)
	b.CMPQ(at, last)
	b.JLE(loop)
	b.CMPQ(at, n)
	b.JGE(done)
	b.MOVQ(last, at)
	b.JMP(loop)
	b.Label(string(done))
	b.End()
}

// sample is the operand of the samples of a row from an index on.
func sample(row, at reg.GPVirtual) operand.Mem { return operand.Mem{Base: row, Index: at, Scale: 2} }

// load returns the samples of a row.
func (b *blender) load(row, at reg.GPVirtual) reg.VecVirtual {
	v := b.vector()
	b.move(sample(row, at), v)
	return v
}

// move copies a register's width from or to memory.
func (b *blender) move(from, to operand.Op) {
	if b.samples == 32 {
		b.VMOVDQU64(from, to)
	} else {
		b.VMOVDQU(from, to)
	}
}

// broadcast returns a register with a word of memory in all words.
func (b *blender) broadcast(m operand.Mem, name string) reg.VecVirtual {
	v := gen.Name(b.Asm, name, b.vector())
	b.VPBROADCASTW(m, v)
	return v
}

// wordOf returns a register with the lowest word of a parameter, which is an int, in all words.
func (b *blender) wordOf(param string) reg.VecVirtual {
	word, v := b.XMM(), gen.Name(b.Asm, param, b.vector())
	b.VMOVQ(b.ArgAddr(param), word)
	b.VPBROADCASTW(word, v)
	return v
}

// between returns the samples at w 32768ths of the way from rows first to second.
func (b *blender) between(first, second, at reg.GPVirtual, w reg.VecVirtual) reg.VecVirtual {
	v, d := b.load(first, at), b.load(second, at)
	b.VPSUBW(v, d, d)
	b.VPMULHRSW(w, d, d)
	b.VPADDW(d, v, v)
	return v
}

func (b *blender) line() {
	b.begin("line", "dst, a *int16, n int", "	dst[i] = (a[i] + 4) >> 3")
	dst, row, eighth := b.Arg("dst"), b.Arg("a"), b.broadcast(b.eighth, "32768/8")
	b.each(func(at reg.GPVirtual) {
		v := b.vector()
		b.VPMULHRSW(sample(row, at), eighth, v)
		b.move(v, sample(dst, at))
	})
}

func (b *blender) lerp() {
	b.begin("lerp", "dst, a, b *int16, n, w int", "	dst[i] = (a[i] + mulhrs(b[i]-a[i], w) + 4) >> 3")
	dst, first, second := b.Arg("dst"), b.Arg("a"), b.Arg("b")
	w, eighth := b.wordOf("w"), b.broadcast(b.eighth, "32768/8")
	b.each(func(at reg.GPVirtual) {
		v := b.between(first, second, at, w)
		b.VPMULHRSW(eighth, v, v)
		b.move(v, sample(dst, at))
	})
}

func (b *blender) mean() {
	b.begin("mean", "dst, a, b *int16, n int", "	dst[i] = (a[i] + b[i] + 8) >> 4")
	dst, first, second, sixteenth := b.Arg("dst"), b.Arg("a"), b.Arg("b"), b.broadcast(b.sixteenth, "32768/16")
	b.each(func(at reg.GPVirtual) {
		v := b.load(first, at)
		b.VPADDW(sample(second, at), v, v)
		b.VPMULHRSW(sixteenth, v, v)
		b.move(v, sample(dst, at))
	})
}

func (b *blender) lerpMean() {
	b.begin("lerpMean", "dst, a0, b0, a1, b1 *int16, n, w0, w1 int",
		"	dst[i] = (a0[i] + mulhrs(b0[i]-a0[i], w0) + a1[i] + mulhrs(b1[i]-a1[i], w1) + 8) >> 4")
	dst, a0, b0, a1, b1 := b.Arg("dst"), b.Arg("a0"), b.Arg("b0"), b.Arg("a1"), b.Arg("b1")
	w0, w1, sixteenth := b.wordOf("w0"), b.wordOf("w1"), b.broadcast(b.sixteenth, "32768/16")
	b.each(func(at reg.GPVirtual) {
		v := b.between(a0, b0, at, w0)
		b.VPADDW(b.between(a1, b1, at, w1), v, v)
		b.VPMULHRSW(sixteenth, v, v)
		b.move(v, sample(dst, at))
	})
}
