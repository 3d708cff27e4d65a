package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// packedAVX2 writes PackedYCC, PackedYCCHalf, PackedLuma and PackedLines for 32 pixels at a time, each for pixels of 3 and of 4 bytes.
func packedAVX2(f *file) {
	for _, step := range []int{3, 4} {
		for to := ycc; to <= luma; to++ {
			writePackedAVX2(f, step, to)
		}
		writePackedLinesAVX2(f, step)
		writeHalvedLinesAVX2(f, step)
	}
}

func writePackedAVX2(f *file, step int, to planes) {
	name := fmt.Sprintf("packed%d%sAVX2", step, to)
	f.Func(name, "func(first, second, third *int16, src *byte, blocks int, places *byte)", fmt.Sprintf(`
%s converts 32*blocks pixels of %d bytes, blocks > 0.
%s`, name, step, placesAVX2))
	src, blocks, places := f.Arg("src"), f.Arg("blocks"), f.Arg("places")
	c := newConverter(f, to)
	if to == yccHalf {
		c.loadChroma(true)
	}
	zero := gen.Name(f.Asm, "0", f.YMM())
	f.VPXOR(zero, zero, zero)
	f.Loop("loop", blocks, 1, func() {
		channels := f.loadChannels(src, places, step)
		for i, words := range f.wordsOf(channels, zero) {
			c.write(words(), 16*i)
		}
		if to == yccHalf {
			for i, v := range c.means(channels) {
				c.storeMeans(v, 1+i, c.at)
			}
		}
		c.advance(32)
		f.ADDQ(operand.U32(32*step), src)
	})
	f.End()
}

// placesAVX2 is what comments say of the parameter places.
const placesAVX2 = `
A half of a shuffle takes four pixels to four bytes each of R, G, B and 0.
The second shuffle is for pixels 20..23 and 28..31: the 16 bytes that hold the latter end with the last pixel.`

// loadChannels returns the bytes of R, G, B of 32 pixels: in a half 0..7 and 16..23, in the other 8..15 and 24..31.
func (f *file) loadChannels(src, places reg.GPVirtual, step int) [3]reg.VecVirtual {
	// Four pixels each: 0 and 4, 1 and 5, 2 and 6, 3 and 7.
	var quads [4]reg.VecVirtual
	for i, low := range []int{0, 1, 4, 5} {
		high, shuffle := 4*step*(low+2), 0
		if low == 5 {
			high, shuffle = 32*step-16, 32
		}
		quads[i] = f.YMM()
		f.loadHalves(gen.At(src, 4*step*low), gen.At(src, high), quads[i])
		f.VPSHUFB(gen.At(places, shuffle), quads[i], quads[i])
	}
	return transpose(f, quads)
}

// wordsOf returns what makes words of pixels 0..15, and of 16..31: unpacking the bytes puts them together.
func (f *file) wordsOf(channels [3]reg.VecVirtual, zero reg.VecVirtual) (words [2]func() [3]reg.VecVirtual) {
	for i, unpack := range []func(...operand.Op){f.VPUNPCKLBW, f.VPUNPCKHBW} {
		words[i] = func() (p [3]reg.VecVirtual) { // bytes << 8 >> 1
			for k, b := range channels {
				p[k] = f.YMM()
				unpack(b, zero, p[k])
				f.VPSRLW(operand.U8(1), p[k], p[k])
			}
			return p
		}
	}
	return words
}

// means returns Cb and Cr of the means of 16 pairs of bytes, of which it makes words: pairs 0..3, 8..11, 4..7, 12..15.
func (c *converter) means(channels [3]reg.VecVirtual) (chroma [2]reg.VecVirtual) {
	for _, b := range channels {
		c.VPMADDUBSW(c.data("bytes64", bytes.Repeat([]byte{64}, 32)), b, b) // (first + second) * 64: with 7 fractional bits
	}
	for i, weights := range [][3]operand.Op{c.cb, c.cr} {
		chroma[i] = c.weighted(channels, weights)
	}
	return chroma
}

// storeMeans writes chroma that means has made, of the pixels from at on.
func (c *converter) storeMeans(v reg.VecVirtual, plane int, at reg.GPVirtual) {
	c.VPERMQ(operand.U8(0b11_01_10_00), v, v)
	c.VMOVDQU(v, operand.Mem{Base: c.dst[plane], Index: at, Scale: 1})
}
