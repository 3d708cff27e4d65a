package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func avx512(a *gen.Asm) {
	f := newFile(a, 64)
	for to := rgb; to <= luma; to++ {
		writeResizedAVX512(f, to)
	}
	for _, step := range []int{3, 4} {
		for to := ycc; to <= luma; to++ {
			writePackedAVX512(f, step, to)
		}
		writePackedLinesAVX512(f, step)
		writeHalvedLinesAVX512(f, step)
	}
	writeWideLinesAVX512(f)
	planarLines(f, "AVX512")
	halvedPlanarLines(f, "AVX512")
	planarResized(f, "AVX512")
	rows(f, "AVX512")
}

// writeResizedAVX512 writes a kernel of Resized that makes 32 samples at a time. A group of a table is, in bytes:
//
//	places   64, of pairs of pixels in two windows of 64 bytes: R, and then G, of samples 0..15
//	         64, the same for samples 16..31
//	         32, B of samples 0..15
//	         32, B of samples 16..31
//	weights  64, of the two pixels of each sample, adding up to 128
//	offsets  4 each, of the windows for samples 0..7; 8..15; 16..23; 24..31
//	         and 48 of nothing
func writeResizedAVX512(f *file, to planes) {
	name := "wide" + to.String() + "AVX512"
	f.Func(name, "func(first, second, third *int16, src, table *byte, ahead, groups int)", fmt.Sprintf(`
%s makes groups*32 samples, groups > 0, of windows of 64 bytes: resample's Packed%s.`, name, to.then()))
	src, table, groups := f.Arg("src"), f.Arg("table"), f.Arg("groups")
	ahead := rowAhead(f, src)
	c := newConverter(f, to)
	if to == yccHalf {
		c.loadChroma(false)
	}
	lanes := [4]reg.OpmaskVirtual{1: f.lanes("lane 1", 0b0010), 2: f.lanes("lane 2", 0b0100), 3: f.lanes("lane 3", 0b1000)}
	odd := f.lanes("lanes 1 and 3", 0b1010)
	f.Loop("loop", groups, 1, func() {
		rg, b := [2]reg.VecVirtual{f.ZMM(), f.ZMM()}, f.ZMM()
		var redGreen [2]reg.VecVirtual
		blue := f.ZMM()
		f.VMOVDQU64(gen.At(table, 128), blue)
		for i := range lanes {
			pixels := f.ZMM()
			f.VMOVDQU64(windowAhead(f, src, ahead, gen.At(table, 256+4*i)), pixels)
			if i%2 == 0 {
				redGreen[i/2] = f.ZMM()
				f.VMOVDQU64(gen.At(table, 32*i), redGreen[i/2])
				f.VPERMB(pixels, redGreen[i/2], rg[i/2])
			} else {
				f.VPERMB(pixels, redGreen[i/2], odd, rg[i/2])
			}
			if i == 0 {
				f.VPERMB(pixels, blue, b)
			} else {
				f.VPERMB(pixels, blue, lanes[i], b)
			}
		}
		p := [3]reg.VecVirtual{f.ZMM(), f.ZMM(), b}
		f.VSHUFI64X2(operand.U8(0b01_00_01_00), rg[1], rg[0], p[0])
		f.VSHUFI64X2(operand.U8(0b11_10_11_10), rg[1], rg[0], p[1])
		for i := range p {
			f.VPMADDUBSW(gen.At(table, 192), p[i], p[i])
		}
		c.write(p, 0)
		if to == yccHalf {
			c.writeHalf(p)
		}
		c.advance(32)
		f.ADDQ(operand.U32(320), table)
	})
	f.End()
}

// writePackedAVX512 writes one of PackedYCC, PackedYCCHalf and PackedLuma for 32 pixels at a time.
func writePackedAVX512(f *file, step int, to planes) {
	name := fmt.Sprintf("packed%d%sAVX512", step, to)
	f.Func(name, "func(first, second, third *int16, src *byte, blocks int, places *byte)", fmt.Sprintf(`
%s converts 32*blocks pixels of %d bytes, blocks > 0.
places has where R, G and B are in the block's first 64 bytes (0..63) and last 64 (64..127), each in the upper byte of a word.`,
		name, step))
	src, blocks, places := f.Arg("src"), f.Arg("blocks"), f.Arg("places")
	c := newConverter(f, to)
	if to == yccHalf {
		c.loadChroma(false)
	}
	block := newBlock(f, step, places)
	f.Loop("loop", blocks, 1, func() {
		p := block.load(src)
		c.write(p, 0)
		if to == yccHalf {
			c.writeHalf(p)
		}
		c.advance(32)
		f.ADDQ(operand.U32(32*step), src)
	})
	f.End()
}

// lanes returns a mask of the bytes of lanes, a bit each.
func (f *file) lanes(text string, lanes uint64) reg.OpmaskVirtual {
	var bytes uint64
	for i := range 4 {
		bytes |= lanes >> i & 1 * 0xFFFF << (16 * i)
	}
	return f.bytesMask("bytes of "+text, bytes)
}

// bytesMask returns a mask of bytes, a bit each.
func (f *file) bytesMask(text string, bytes uint64) reg.OpmaskVirtual {
	mask, bits := gen.Name(f.Asm, text, f.K()), f.GP64()
	f.MOVQ(operand.U64(bytes), bits)
	f.KMOVQ(bits, mask)
	return mask
}

// block loads 32 pixels.
type block struct {
	*file
	step   int
	places [3]reg.VecVirtual // of R, G, B
	upper  reg.OpmaskVirtual // bytes of words
}

func newBlock(f *file, step int, places reg.GPVirtual) *block {
	b := &block{file: f, step: step}
	for i := range b.places {
		b.places[i] = gen.Name(f.Asm, fmt.Sprintf("places of %c", "RGB"[i]), f.ZMM())
		f.VMOVDQU64(gen.At(places, 64*i), b.places[i])
	}
	b.upper = f.bytesMask("upper bytes of words", 0xAAAA_AAAA_AAAA_AAAA)
	return b
}

// load returns R, G, B of the pixels at src: bytes << 8 >> 1.
func (b *block) load(src reg.GPVirtual) (p [3]reg.VecVirtual) {
	first, last := b.ZMM(), b.ZMM()
	b.VMOVDQU64(gen.At(src, 0), first)
	b.VMOVDQU64(gen.At(src, 32*b.step-64), last)
	for i := range p {
		p[i] = b.ZMM()
		b.VMOVDQA64(b.places[i], p[i])
		b.VPERMI2B_Z(last, first, b.upper, p[i])
		b.VPSRLW(operand.U8(1), p[i], p[i])
	}
	return p
}

// windowAt returns the operand of the window whose offset is in memory.
func windowAt(f *file, src reg.GPVirtual, at operand.Mem) operand.Mem {
	offset := f.GP64()
	f.MOVL(at, offset.As32())
	return operand.Mem{Base: src, Index: offset, Scale: 1}
}

// rowAhead returns the row that lies so far ahead of src as a parameter says.
func rowAhead(f *file, src reg.GPVirtual) reg.GPVirtual {
	row := gen.Name(f.Asm, "the row ahead", f.GP64())
	f.MOVQ(f.ArgAddr("ahead"), row)
	f.ADDQ(src, row)
	return row
}

// windowAhead is windowAt, and asks for where the window is in the row ahead. Kernels that make as many samples of a window
// as these ask for no others: the cache lines between are the next window's.
func windowAhead(f *file, src, ahead reg.GPVirtual, at operand.Mem) operand.Mem {
	window := windowAt(f, src, at)
	f.PREFETCHT0(operand.Mem{Base: ahead, Index: window.Index, Scale: 1})
	return window
}
