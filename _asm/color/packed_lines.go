package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// pairConverter writes PackedLines: the lines of a band that two rows of pixels become.
type pairConverter struct {
	*converter
	src               [2]reg.GPVirtual // upper and lower
	y                 [2]reg.GPVirtual
	ahead             reg.GPVirtual
	blocks, places    reg.GPVirtual
	eighth, sixteenth reg.VecVirtual // what mulhrs divides by, rounding
}

func newPairConverter(f *file, step int, level, doc string) *pairConverter {
	name := fmt.Sprintf("packed%dLines%s", step, level)
	f.Func(name, "func(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)", fmt.Sprintf(`
%s makes two lines of a band, Y of each and the chroma that they share, of two rows of 32*blocks pixels of %d bytes,
blocks > 0. It asks for the cache lines ahead of the rows. It is packed%dYCCHalf%s for either row, and then
	y[x] = (y[x] + 4) >> 3
	cb[i], cr[i] = (upper.cb[i] + lower.cb[i] + 8) >> 4, (upper.cr[i] + lower.cr[i] + 8) >> 4
%s`, name, step, step, level, doc))
	c := &pairConverter{converter: &converter{file: f, to: yccHalf}}
	c.src = [2]reg.GPVirtual{f.Arg("upper"), f.Arg("lower")}
	c.places = f.Arg("places")
	c.load()
	return c
}

// load loads the parameters that do not depend on how pixels lie in memory, and constants.
func (c *pairConverter) load() {
	f := c.file
	c.y = [2]reg.GPVirtual{f.Arg("y0"), f.Arg("y1")}
	c.dst[1], c.dst[2] = f.Arg("cb"), f.Arg("cr")
	c.ahead, c.blocks = f.Arg("ahead"), f.Arg("blocks")
	c.at = gen.Name(f.Asm, "samples done", f.GP64())
	f.XORL(c.at.As32(), c.at.As32())
	c.luma = f.each(lumaWeights, lumaWeights, "Y")
	c.mid = f.words(mid, mid, midName)
	c.eighth, c.sixteenth = f.words(1<<12, 1<<12, "32768/8"), f.words(1<<11, 1<<11, "32768/16")
	c.loadChroma(f.width == 32)
}

// writeLuma makes samples of line i of R, G, B.
func (c *pairConverter) writeLuma(i int, p [3]reg.VecVirtual, samples int) {
	v := c.converter.y(p)
	c.VPMULHRSW(c.eighth, v, v)
	c.move(v, operand.Mem{Base: c.y[i], Disp: 2 * samples, Index: c.at, Scale: 2})
}

// writeByTurns makes samples of line i, from at on, of bytes of R, G, B. Words of every other byte, times -128, are one operation; the weights
// are negative, too. Unpacking puts the samples together.
func (c *pairConverter) writeByTurns(i int, channels [3]reg.VecVirtual, at reg.GPVirtual) {
	var samples [2]reg.VecVirtual
	for k, every := range [][]byte{{0x80, 0}, {0, 0x80}} {
		factor := c.data(fmt.Sprintf("bytes128_%d", k), bytes.Repeat(every, 16))
		var words [3]reg.VecVirtual
		for j, b := range channels {
			words[j] = c.YMM()
			c.VPMADDUBSW(factor, b, words[j])
		}
		samples[k] = c.converter.y(words)
		c.VPMULHRSW(c.eighth, samples[k], samples[k])
	}
	for k, unpack := range []func(...operand.Op){c.VPUNPCKLWD, c.VPUNPCKHWD} {
		v := c.YMM()
		unpack(samples[1], samples[0], v)
		c.move(v, operand.Mem{Base: c.y[i], Disp: 32 * k, Index: at, Scale: 2})
	}
}

// mean makes of rows of chroma that of their lines, in place of the first.
func (c *pairConverter) mean(upper, lower reg.VecVirtual) reg.VecVirtual {
	c.VPADDW(lower, upper, upper)
	c.VPMULHRSW(c.sixteenth, upper, upper)
	return upper
}

// fetch asks for the cache lines that lie ahead of a block of a row.
func (f *file) fetch(row, ahead reg.GPVirtual, bytes int) {
	for at := 0; at < bytes; at += 64 {
		f.PREFETCHT0(operand.Mem{Base: row, Index: ahead, Scale: 1, Disp: at})
	}
}

// next counts a block as done.
func (c *pairConverter) next(step int) {
	c.advance(32)
	for _, src := range c.src {
		c.ADDQ(operand.U32(32*step), src)
	}
}

func writePackedLinesAVX2(f *file, step int) {
	c := newPairConverter(f, step, "AVX2", placesAVX2)
	var negative [3]int16
	for i, w := range lumaWeights {
		negative[i] = -w
	}
	c.luma = f.each(negative, negative, "-Y")
	// A row of a block is converted after the next one is loaded: either is a long chain of operations that wait for each other. The lower
	// row of a block waits for the next block, with the chroma of the upper one. What is converted before the first block is nothing, and
	// overwritten.
	last := gen.Name(f.Asm, "samples of the lower row done", f.GP64())
	f.XORL(last.As32(), last.As32())
	var lower [3]reg.VecVirtual
	for i := range lower {
		lower[i] = gen.Name(f.Asm, "lower "+"RGB"[i:i+1], f.YMM())
		f.VPXOR(lower[i], lower[i], lower[i])
	}
	chroma := [2]reg.VecVirtual{gen.Name(f.Asm, "upper Cb", f.YMM()), gen.Name(f.Asm, "upper Cr", f.YMM())}
	for _, v := range chroma {
		f.VPXOR(v, v, v)
	}
	convertLower := func() {
		c.writeByTurns(1, lower, last)
		for k, v := range c.means(lower) {
			c.storeMeans(c.mean(v, chroma[k]), 1+k, last)
		}
	}
	f.Loop("loop", c.blocks, 1, func() {
		f.fetch(c.src[0], c.ahead, 32*step)
		upper := f.loadChannels(c.src[0], c.places, step)
		convertLower()
		f.MOVQ(c.at, last)
		f.fetch(c.src[1], c.ahead, 32*step)
		for i, v := range f.loadChannels(c.src[1], c.places, step) {
			f.VMOVDQU(v, lower[i])
		}
		c.writeByTurns(0, upper, c.at)
		for k, v := range c.means(upper) {
			f.VMOVDQU(v, chroma[k])
		}
		c.next(step)
	})
	convertLower()
	f.End()
}

func writePackedLinesAVX512(f *file, step int) {
	c := newPairConverter(f, step, "AVX512", "places is as there.")
	block := newBlock(f, step, c.places)
	f.Loop("loop", c.blocks, 1, func() {
		var chroma [2]reg.VecVirtual // of each row
		for i, src := range c.src {
			f.fetch(src, c.ahead, 32*step)
			p := block.load(src)
			c.writeLuma(i, p, 0)
			chroma[i] = c.half(p)
		}
		c.storeHalf(c.mean(chroma[0], chroma[1]))
		c.next(step)
	})
	f.End()
}
