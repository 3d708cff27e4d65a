package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// area writes the kernels of Covered: 16 samples at a time, in as many rounds as a group says. A round takes a window of
// 8 words for each sample: 8 samples of one channel, 4 of two, or 2 of three. A group of a table is, in bytes:
//
//	rounds    8, and 24 of nothing
//	offsets   4 each: of the windows of samples 0 and 8, 1 and 9, .. 7 and 15
//
// and for each round, for samples 0 and 8, 1 and 9, 2 and 10, 3 and 11,
//
//	weights   16 each: of one channel, 8; of two, 4 twice; of three, 2 four times
//
// and then the same for samples 4 and 12, 5 and 13, 6 and 14, 7 and 15.
func area(a *gen.Asm) {
	for step := 1; step <= 4; step++ {
		writeArea(a, step)
	}
}

// areaKernel is what a kernel of Covered has in registers.
type areaKernel struct {
	*gen.Asm
	step       int
	src, table reg.GPVirtual
	channels   reg.VecVirtual // takes a window's samples of a channel beside each other
	half       reg.VecVirtual // of a sample, in one of the doublewords that are added up
}

func writeArea(a *gen.Asm, step int) {
	name := fmt.Sprintf("area%dAVX2", step)
	a.Func(name, "func(first, second, third, src *int16, table *byte, groups, bias int)",
		fmt.Sprintf("%s makes groups*16 samples, groups > 0, of words of which each %d. is of a channel.", name, step))
	var dst []reg.GPVirtual
	for _, name := range []string{"first", "second", "third"}[:min(step, 3)] {
		dst = append(dst, a.Arg(name))
	}
	k := &areaKernel{Asm: a, step: step, src: a.Arg("src"), table: a.Arg("table")}
	k.constants()
	bias, word := gen.Name(a, "bias", a.YMM()), a.XMM()
	a.VMOVQ(a.ArgAddr("bias"), word)
	a.VPBROADCASTW(word, bias)
	groups := a.Arg("groups")
	a.Loop("loop", groups, 1, func() {
		weights := a.GP64()
		a.LEAQ(gen.At(k.table, 96), weights)
		low := k.sums(weights, 32)  // of samples 0..3 and 8..11
		high := k.sums(weights, 64) // of samples 4..7 and 12..15
		for c := range dst {
			a.VPACKSSDW(high[c], low[c], low[c])
			a.VPSUBW(bias, low[c], low[c])
			a.VMOVDQU(low[c], gen.At(dst[c], 0))
			a.ADDQ(operand.U8(32), dst[c])
		}
		a.MOVQ(weights, k.table)
	})
	a.End()
}

// constants loads the registers that stay the same.
func (k *areaKernel) constants() {
	halves := [...][4]byte{1: {1, 0, 0, 0}, {1, 0, 1, 0}, {1, 1, 1, 1}, {1, 1, 1, 1}}[k.step]
	var half []byte
	for _, h := range halves {
		half = append(half, 0, h<<5, 0, 0) // 1<<13
	}
	k.half = gen.Name(k.Asm, "1<<13", k.YMM())
	k.VBROADCASTI128(k.Bytes(fmt.Sprintf("half%d", k.step), half), k.half)
	if k.step == 1 {
		return
	}
	places := [...][]int{2: {0, 2, 4, 6, 1, 3, 5, 7}, {0, 3, 1, 4, 2, 5, 6, 7}, {0, 4, 1, 5, 2, 6, 3, 7}}[k.step]
	var shuffle []byte
	for _, p := range places {
		shuffle = append(shuffle, byte(2*p), byte(2*p+1))
	}
	k.channels = gen.Name(k.Asm, "to words of a channel", k.YMM())
	k.VBROADCASTI128(k.Bytes(fmt.Sprintf("channels%d", k.step), shuffle), k.channels)
}

// sums returns the samples of each channel as doublewords, four in each half. It moves weights on.
func (k *areaKernel) sums(weights reg.GPVirtual, offsets int) []reg.VecVirtual {
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = k.YMM()
		k.VMOVDQA(k.half, sums[i])
	}
	left, row := k.GP64(), k.GP64()
	k.MOVQ(gen.At(k.table, 0), left)
	k.MOVQ(k.src, row)
	k.Loop("round", left, 1, func() {
		for i, sum := range sums {
			v := k.windows(row, offsets+8*i)
			if k.channels != nil {
				k.VPSHUFB(k.channels, v, v)
			}
			k.VPMADDWD(gen.At(weights, 32*i), v, v)
			k.VPADDD(v, sum, sum)
		}
		k.ADDQ(operand.U8([...]uint8{1: 16, 16, 12, 16}[k.step]), row)
		k.ADDQ(operand.U32(128), weights)
	})
	samples := k.reduce(sums)
	for _, v := range samples {
		k.VPSRAD(operand.U8(14), v, v)
	}
	return samples
}

// windows returns the windows of two samples, whose offsets are in the table.
func (k *areaKernel) windows(row reg.GPVirtual, offsets int) reg.VecVirtual {
	var at [2]operand.Mem
	for half := range at {
		offset := k.GP64()
		k.MOVL(gen.At(k.table, offsets+4*half), offset.As32())
		at[half] = operand.Mem{Base: row, Index: offset, Scale: 1}
	}
	v := k.YMM()
	k.VBROADCASTI128(at[0], v)
	k.VINSERTI128(operand.U8(1), at[1], v, v)
	return v
}

// reduce adds up, in each half, the doublewords of a channel, and puts those of four samples beside each other.
func (k *areaKernel) reduce(sums [4]reg.VecVirtual) []reg.VecVirtual {
	if k.step >= 3 {
		a, b, c, d := k.YMM(), k.YMM(), k.YMM(), k.YMM()
		k.VPUNPCKLDQ(sums[1], sums[0], a)
		k.VPUNPCKLDQ(sums[3], sums[2], b)
		k.VPUNPCKHDQ(sums[1], sums[0], c)
		k.VPUNPCKHDQ(sums[3], sums[2], d)
		p := []reg.VecVirtual{k.YMM(), k.YMM(), k.YMM()}
		k.VPUNPCKLQDQ(b, a, p[0])
		k.VPUNPCKHQDQ(b, a, p[1])
		k.VPUNPCKLQDQ(d, c, p[2])
		return p
	}
	low, high := k.YMM(), k.YMM()
	k.VPHADDD(sums[1], sums[0], low)
	k.VPHADDD(sums[3], sums[2], high)
	if k.step == 1 {
		k.VPHADDD(high, low, low)
		return []reg.VecVirtual{low}
	}
	p := []reg.VecVirtual{k.YMM(), k.YMM()}
	k.VSHUFPS(operand.U8(0b10_00_10_00), high, low, p[0])
	k.VSHUFPS(operand.U8(0b11_01_11_01), high, low, p[1])
	return p
}
