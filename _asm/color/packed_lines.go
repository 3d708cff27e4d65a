package main

import (
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
	zero := gen.Name(f.Asm, "0", f.YMM())
	f.VPXOR(zero, zero, zero)
	f.Loop("loop", c.blocks, 1, func() {
		var chroma [2][2]reg.VecVirtual // of each row, Cb and Cr
		for i, src := range c.src {
			f.fetch(src, c.ahead, 32*step)
			channels := f.loadChannels(src, c.places, step)
			for k, words := range f.wordsOf(channels, zero) {
				c.writeLuma(i, words(), 16*k)
			}
			chroma[i] = c.means(channels)
		}
		for k := range chroma[0] {
			c.storeMeans(c.mean(chroma[0][k], chroma[1][k]), 1+k)
		}
		c.next(step)
	})
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
