package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// packedAVX2 writes PackedYCC, PackedYCCHalf and PackedLuma for 32 pixels at a time, each for pixels of 3 and of 4 bytes.
func packedAVX2(f *file) {
	for _, step := range []int{3, 4} {
		for to := ycc; to <= luma; to++ {
			writePackedAVX2(f, step, to)
		}
	}
}

func writePackedAVX2(f *file, step int, to planes) {
	name := fmt.Sprintf("packed%d%sAVX2", step, to)
	f.Func(name, "func(first, second, third *int16, src *byte, blocks int, places *byte)", fmt.Sprintf(`
%s converts 32*blocks pixels of %d bytes, blocks > 0.
A half of a shuffle takes four pixels to four bytes each of R, G, B and 0.
The second shuffle is for pixels 20..23 and 28..31: the 16 bytes that hold the latter end with the last pixel.`, name, step))
	src, blocks, places := f.Arg("src"), f.Arg("blocks"), f.Arg("places")
	c := newConverter(f, to)
	if to == yccHalf {
		c.loadChroma(true)
	}
	zero := gen.Name(f.Asm, "0", f.YMM())
	f.VPXOR(zero, zero, zero)
	f.Loop("loop", blocks, 1, func() {
		// Four pixels each: 0 and 4, 1 and 5, 2 and 6, 3 and 7, so that a half of what comes of them is pixels 0..7 and
		// 16..23, and the other 8..15 and 24..31. Unpacking the bytes to words puts 0..15 and 16..31 together.
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
		channels := transpose(f, quads)
		for i, unpack := range []func(...operand.Op){f.VPUNPCKLBW, f.VPUNPCKHBW} {
			var words [3]reg.VecVirtual // bytes << 8 >> 1
			for k, b := range channels {
				words[k] = f.YMM()
				unpack(b, zero, words[k])
				f.VPSRLW(operand.U8(1), words[k], words[k])
			}
			c.write(words, 16*i)
		}
		if to == yccHalf {
			c.writeMeans(channels)
		}
		c.advance(32)
		f.ADDQ(operand.U32(32*step), src)
	})
	f.End()
}

// writeMeans makes chroma of the means of 16 pairs of bytes.
func (c *converter) writeMeans(channels [3]reg.VecVirtual) {
	for _, b := range channels {
		c.VPMADDUBSW(c.data("bytes64", bytes.Repeat([]byte{64}, 32)), b, b) // (first + second) * 64: with 7 fractional bits
	}
	for i, weights := range [][3]operand.Op{c.cb, c.cr} {
		v := c.weighted(channels, weights)
		c.VPERMQ(operand.U8(0b11_01_10_00), v, v) // pairs 0..3, 8..11, 4..7, 12..15
		c.VMOVDQU(v, operand.Mem{Base: c.dst[1+i], Index: c.at, Scale: 1})
	}
}
