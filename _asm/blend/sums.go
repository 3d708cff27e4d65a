package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// The sums of a vector are two vectors of doublewords, in the order that unpacking leaves them in within 16 bytes.

func (b *blender) accumulate() {
	name := "accumulate" + b.level
	b.Func(name, "func(sums *uint64, row *int16, vectors, weight int)",
		fmt.Sprintf("%s adds %d*vectors products to the sums, vectors > 0.\n	sums[i] += row[i] * weight", name, b.samples))
	sums, row, vectors := b.Arg("sums"), b.Arg("row"), b.Arg("vectors")
	w := b.wordOf("weight")
	b.Loop("loop", vectors, 1, func() {
		v, low, high, sum := b.vector(), b.vector(), b.vector(), b.vector()
		b.move(gen.At(row, 0), v)
		b.VPMULLW(w, v, low)
		b.VPMULHW(w, v, high)
		b.VPUNPCKLWD(high, low, sum)
		b.VPUNPCKHWD(high, low, high)
		b.VPADDD(gen.At(sums, 0), sum, sum)
		b.VPADDD(gen.At(sums, 2*b.samples), high, high)
		b.move(sum, gen.At(sums, 0))
		b.move(high, gen.At(sums, 2*b.samples))
		b.ADDQ(operand.U32(2*b.samples), row)
		b.ADDQ(operand.U32(4*b.samples), sums)
	})
	b.End()
}

func (b *blender) resolve() {
	name := "resolve" + b.level
	b.Func(name, "func(sums *uint64, dst *int16, vectors int)",
		fmt.Sprintf("%s makes %d*vectors samples, vectors > 0.\n	dst[i], sums[i] = (sums[i] + 1<<13) >> 14, 0", name, b.samples))
	dst, sums, vectors := b.Arg("dst"), b.Arg("sums"), b.Arg("vectors")
	zero, half := gen.Name(b.Asm, "0", b.vector()), gen.Name(b.Asm, "1<<13", b.vector())
	b.clear(zero)
	b.VPBROADCASTD(b.half, half)
	b.Loop("loop", vectors, 1, func() {
		low, high := b.vector(), b.vector()
		b.VPADDD(gen.At(sums, 0), half, low)
		b.VPADDD(gen.At(sums, 2*b.samples), half, high)
		b.VPSRAD(operand.U8(14), low, low)
		b.VPSRAD(operand.U8(14), high, high)
		b.VPACKSSDW(high, low, low)
		b.move(low, gen.At(dst, 0))
		b.move(zero, gen.At(sums, 0))
		b.move(zero, gen.At(sums, 2*b.samples))
		b.ADDQ(operand.U32(2*b.samples), dst)
		b.ADDQ(operand.U32(4*b.samples), sums)
	})
	b.End()
}

// clear sets all bits of v to zero.
func (b *blender) clear(v reg.VecVirtual) {
	if b.samples == 32 {
		b.VPXORD(v, v, v)
	} else {
		b.VPXOR(v, v, v)
	}
}
