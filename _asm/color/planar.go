package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

const planarSignature = "y0, y1, cb, cr *int16, rows **byte, ahead, blocks int"

// planarLinesDoc says what the kernel of PlanarLines does.
func planarLinesDoc(name string) string {
	return fmt.Sprintf(`
%s makes two lines of a band, Y of each and the chroma that they share, of 32*blocks pixels, blocks > 0. rows has the rows
of R, G, B of the upper line and of the lower. It asks for the cache lines ahead of them. The samples are those of PackedLines.`, name)
}

// halvedPlanarLinesDoc says what the kernel of HalvedPlanarLines does, so many samples at a time.
func halvedPlanarLinesDoc(name string, samples int) string {
	return fmt.Sprintf(`
%s makes two lines of a band, %d*blocks samples of Y of each, blocks > 0, and the chroma that they share. rows has
the two rows of R, those of G and those of B of the upper line, and then of the lower. It asks for the cache lines ahead of them.
The samples are those of HalvedLines.`, name, samples)
}

// rowAt returns the address of a row of which rows has the pointer.
func (f *file) rowAt(rows reg.GPVirtual, number int) reg.GPVirtual {
	row := f.GP64()
	f.MOVQ(gen.At(rows, 8*number), row)
	return row
}

// planarLines writes PlanarLines.
func planarLines(f *file, level string) {
	name := "planarLines" + level
	f.Func(name, "func("+planarSignature+")", planarLinesDoc(name))
	c := &pairConverter{converter: &converter{file: f, to: yccHalf}}
	rows := f.Arg("rows")
	c.load()
	load, zero := c.planarAVX512, reg.VecVirtual(nil)
	if f.width == 32 {
		load = c.planarAVX2
		zero = gen.Name(f.Asm, "0", f.YMM())
		f.VPXOR(zero, zero, zero)
	}
	f.Loop("loop", c.blocks, 1, func() {
		var chroma [2][]reg.VecVirtual // of each line
		for line := range chroma {
			var channels [3]reg.VecVirtual
			for i := range channels {
				row := f.rowAt(rows, 3*line+i)
				f.PREFETCHT0(operand.Mem{Base: row, Index: c.ahead, Scale: 1})
				channels[i] = load(operand.Mem{Base: row, Index: c.at, Scale: 1})
			}
			if f.width == 64 {
				c.writeLuma(line, channels, 0)
				chroma[line] = []reg.VecVirtual{c.half(channels)}
				continue
			}
			for k, words := range f.wordsOf(channels, zero) {
				c.writeLuma(line, words(), 16*k)
			}
			means := c.means(channels)
			chroma[line] = means[:]
		}
		for k, upper := range chroma[0] {
			mean := c.mean(upper, chroma[1][k])
			if f.width == 64 {
				c.storeHalf(mean)
			} else {
				c.storeMeans(mean, 1+k, c.at)
			}
		}
		c.advance(32)
		f.ADDQ(operand.U32(32), c.ahead)
	})
	f.End()
}

// planarAVX2 returns 32 bytes of a channel in the order of loadChannels.
func (c *pairConverter) planarAVX2(at operand.Mem) reg.VecVirtual {
	v := c.YMM()
	c.VPERMQ(operand.U8(0b11_01_10_00), at, v)
	return v
}

// planarAVX512 returns words of 32 bytes of a channel.
func (c *pairConverter) planarAVX512(at operand.Mem) reg.VecVirtual {
	v := c.ZMM()
	c.VPMOVZXBW(at, v)
	c.VPSLLW(operand.U8(7), v, v)
	return v
}

// halvedPlanarLines writes HalvedPlanarLines.
func halvedPlanarLines(f *file, level string) {
	name := "halvedPlanarLines" + level
	f.Func(name, "func("+planarSignature+")", halvedPlanarLinesDoc(name, f.width/2))
	h := &halver{converter: &converter{file: f, to: yccHalf}}
	rows := f.Arg("rows")
	h.load()
	h.loadChroma(false)
	var weight operand.Op = f.data("bytes32", bytes.Repeat([]byte{32}, 32))
	if f.width == 64 {
		weight = f.words(32<<8|32, 32<<8|32, "32, in bytes")
	}
	f.Loop("loop", h.blocks, 1, func() {
		h.block(func(line int) (p [3]reg.VecVirtual) {
			for i := range p {
				var sums [2]reg.VecVirtual
				for k := range sums {
					row := f.rowAt(rows, 6*line+2*i+k)
					f.PREFETCHT0(operand.Mem{Base: row, Index: h.ahead, Scale: 1})
					sums[k] = f.vec()
					f.move(operand.Mem{Base: row, Index: h.at, Scale: 2}, sums[k])
					f.VPMADDUBSW(weight, sums[k], sums[k])
				}
				f.VPADDW(sums[1], sums[0], sums[0])
				p[i] = sums[0]
			}
			return p
		})
		f.ADDQ(operand.U32(f.width), h.ahead)
	})
	f.End()
}
