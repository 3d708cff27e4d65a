package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// area writes the kernels of PackedArea: 16 samples at a time, of as many times four pixels as a group says. A group of a
// table is, in bytes:
//
//	rounds    8: how often four pixels are added to each sample
//	          and 24 of nothing
//
// and for each round, for samples 0 and 8; 1 and 9; 2 and 10; 3 and 11,
//
//	weights   64: of the first two pixels of the one sample, four times; of the other; of the last two pixels of the one,
//	          four times; of the other
//	offsets   8: of the four pixels of the one, and of the other
//	          and 24 of nothing
//
// and then the same for samples 4 and 12; 5 and 13; 6 and 14; 7 and 15.
func area(a *gen.Asm) {
	m := areaMasks{
		load: a.Bytes("bytes12", append(repeat(0xff, 12), repeat(0, 20)...)),
		half: a.Bytes("half", []byte{64, 0, 0, 0, 64, 0, 0, 0}),
	}
	for step := 3; step <= 4; step++ {
		for i := range m.pixels {
			m.pixels[i] = a.Bytes(fmt.Sprintf("pixels%dx%d", step, i), pixelPlaces(step, 2*i))
		}
		writeArea(a, step, m)
	}
}

// areaMasks is constants of the kernels.
type areaMasks struct {
	load   operand.Mem    // of 12 bytes
	pixels [2]operand.Mem // shuffles, for pixels 0 and 1, and for pixels 2 and 3
	half   operand.Mem    // of a 128th, in the sums
}

func repeat(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}

// pixelPlaces takes two pixels to pairs of words for their first, second and third channel, and zeros, in both halves.
func pixelPlaces(step, pixel int) []byte {
	var half []byte
	for c := range 3 {
		for i := range 2 {
			half = append(half, byte((pixel+i)*step+c), 0x80)
		}
	}
	half = append(half, repeat(0x80, 4)...)
	return append(half, half...)
}

func writeArea(a *gen.Asm, step int, m areaMasks) {
	name := fmt.Sprintf("area%dAVX2", step)
	a.Func(name, "func(first, second, third *int16, src, table *byte, groups int)",
		fmt.Sprintf("%s makes groups*16 samples of pixels of %d bytes, groups > 0.", name, step))
	var dst [3]reg.GPVirtual
	for i := range dst {
		dst[i] = a.Arg([3]string{"first", "second", "third"}[i])
	}
	k := &areaKernel{Asm: a, step: step, src: a.Arg("src"), table: a.Arg("table")}
	groups := a.Arg("groups")
	for i := range 2 {
		k.pixels[i] = gen.Name(a, fmt.Sprintf("to words of pixels %d, %d", 2*i, 2*i+1), a.YMM())
		a.VMOVDQU(m.pixels[i], k.pixels[i])
	}
	if step == 3 {
		k.mask = gen.Name(a, "12 bytes", a.YMM())
		a.VMOVDQU(m.load, k.mask)
	}
	k.half = gen.Name(a, "half", a.YMM())
	a.VPBROADCASTD(m.half, k.half)
	a.Loop("loop", groups, 1, func() {
		rounds := a.GP64()
		a.MOVQ(gen.At(k.table, 0), rounds)
		a.ADDQ(operand.U8(32), k.table)
		low := k.sums(rounds)  // of samples 0..3 and 8..11
		high := k.sums(rounds) // of samples 4..7 and 12..15
		for c := range dst {
			a.VPACKSSDW(high[c], low[c], low[c])
			a.VMOVDQU(low[c], gen.At(dst[c], 0))
			a.ADDQ(operand.U8(32), dst[c])
		}
	})
	a.End()
}

// areaKernel is what a kernel of PackedArea has in registers.
type areaKernel struct {
	*gen.Asm
	step       int
	src, table reg.GPVirtual
	pixels     [2]reg.VecVirtual
	mask       reg.VecVirtual
	half       reg.VecVirtual
}

// sums returns the samples of three channels as doublewords, four in each half.
func (k *areaKernel) sums(rounds reg.GPVirtual) [3]reg.VecVirtual {
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = k.YMM()
		k.VMOVDQA(k.half, sums[i])
	}
	left := k.GP64()
	k.MOVQ(rounds, left)
	k.Loop("round", left, 1, func() {
		for i := range sums {
			k.add(i, sums[i])
		}
		k.ADDQ(operand.U32(4*96), k.table)
	})
	a, b, c, d := k.YMM(), k.YMM(), k.YMM(), k.YMM()
	k.VPUNPCKLDQ(sums[1], sums[0], a)
	k.VPUNPCKLDQ(sums[3], sums[2], b)
	k.VPUNPCKHDQ(sums[1], sums[0], c)
	k.VPUNPCKHDQ(sums[3], sums[2], d)
	p := [3]reg.VecVirtual{k.YMM(), k.YMM(), k.YMM()}
	k.VPUNPCKLQDQ(b, a, p[0])
	k.VPUNPCKHQDQ(b, a, p[1])
	k.VPUNPCKLQDQ(d, c, p[2])
	for _, v := range p {
		k.VPSRAD(operand.U8(7), v, v)
	}
	return p
}

// add adds four pixels each to the sums of two samples.
func (k *areaKernel) add(i int, sum reg.VecVirtual) {
	at := [2]operand.Mem{}
	for half := range at {
		offset := k.GP64()
		k.MOVL(gen.At(k.table, 96*i+64+4*half), offset.As32())
		at[half] = operand.Mem{Base: k.src, Index: offset, Scale: 1}
	}
	v := k.YMM()
	if k.step == 3 {
		high := k.YMM()
		k.VPMASKMOVD(at[0], k.mask, v)
		k.VPMASKMOVD(at[1], k.mask.AsX(), high.AsX())
		k.VINSERTI128(operand.U8(1), high.AsX(), v, v)
	} else {
		k.VBROADCASTI128(at[0], v)
		k.VINSERTI128(operand.U8(1), at[1], v, v)
	}
	for pair := range 2 {
		p := k.YMM()
		k.VPSHUFB(k.pixels[pair], v, p)
		k.VPMADDWD(gen.At(k.table, 96*i+32*pair), p, p)
		k.VPADDD(p, sum, sum)
	}
}
