package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// wideLines writes PackedLines for 64 pixels of 3 bytes at a time. These are three registers, in each of which the bytes of R
// are at other places than in the two others, and so are those of G and B. So all R go into one register without being moved,
// and then one permutation puts them in order.
type wideLines struct {
	*pairConverter
	from   [3][2]reg.OpmaskVirtual // of R, G, B: which bytes the second and the third register have
	places [3]reg.VecVirtual       // of R, G, B
	even   reg.VecVirtual          // weights of bytes: words of the first of two, times -128
	odd    reg.VecVirtual          // of the second
	both   reg.VecVirtual          // 64 times their sum
	order  reg.VecVirtual          // of quadwords of chroma
}

func writeWideLinesAVX512(f *file) {
	name := "packed3WideLinesAVX512"
	f.Func(name, "func(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)", fmt.Sprintf(`
%s is packed3LinesAVX512 for rows of 64*blocks pixels, blocks > 0.
places has, for each of R, G and B, where in 64 bytes the pixels' bytes are; and then for each which of these bytes are among
the second 64 of 192 in memory, and which among the third. Of 16 places the first eight are pixels in a row, the others are
those 32 pixels further on.`, name))
	c := &wideLines{pairConverter: &pairConverter{converter: &converter{file: f, to: yccHalf}}}
	c.src = [2]reg.GPVirtual{f.Arg("upper"), f.Arg("lower")}
	c.load()
	f.Loop("loop", c.blocks, 1, func() {
		var chroma [2][2]reg.VecVirtual // of each row, Cb and Cr
		for i, src := range c.src {
			f.fetch(src, c.ahead, 192)
			channels := c.channels(src)
			c.lumaOf(i, channels)
			chroma[i] = c.chromaOf(channels)
		}
		for k := range chroma[0] {
			v := c.mean(chroma[0][k], chroma[1][k])
			f.VPERMQ(v, c.order, v)
			f.VMOVDQU64(v, operand.Mem{Base: c.dst[1+k], Index: c.at, Scale: 1})
		}
		c.advance(64)
		for _, src := range c.src {
			f.ADDQ(operand.U32(192), src)
		}
	})
	f.End()
}

func (c *wideLines) load() {
	f := c.file
	places := f.Arg("places")
	c.y = [2]reg.GPVirtual{f.Arg("y0"), f.Arg("y1")}
	c.dst[1], c.dst[2] = f.Arg("cb"), f.Arg("cr")
	c.ahead, c.blocks = f.Arg("ahead"), f.Arg("blocks")
	c.at = gen.Name(f.Asm, "samples done", f.GP64())
	f.XORL(c.at.As32(), c.at.As32())
	for i := range c.places {
		channel := "RGB"[i : i+1]
		c.places[i] = gen.Name(f.Asm, "places of "+channel, f.ZMM())
		f.VMOVDQU64(gen.At(places, 64*i), c.places[i])
		for k, part := range [2]string{"second", "third"} {
			c.from[i][k] = gen.Name(f.Asm, channel+" of the "+part+" register", f.K())
			f.KMOVQ(gen.At(places, 192+16*i+8*k), c.from[i][k])
		}
	}
	var negative [3]int16
	for i, w := range lumaWeights {
		negative[i] = -w
	}
	c.luma = f.each(negative, negative, "Y, negative")
	c.cb, c.cr = f.each(cbWeights, cbWeights, "Cb"), f.each(crWeights, crWeights, "Cr")
	c.mid = f.words(mid, mid, midName)
	c.eighth, c.sixteenth = f.words(1<<12, 1<<12, "32768/8"), f.words(1<<11, 1<<11, "32768/16")
	c.even, c.odd = f.words(0x0080, 0x0080, "-128, 0"), f.words(-0x8000, -0x8000, "0, -128")
	c.both = f.words(0x4040, 0x4040, "64, 64")
	c.order = gen.Name(f.Asm, "the even and then the odd quadwords", f.ZMM())
	var order bytes.Buffer
	for i := range 8 {
		order.Write([]byte{byte(2*i%8 + i/4), 0, 0, 0, 0, 0, 0, 0})
	}
	f.VMOVDQU64(f.data("evenQuads", order.Bytes()), c.order)
}

// channels returns the bytes of R, G and B of 64 pixels.
func (c *wideLines) channels(src reg.GPVirtual) (out [3]reg.VecVirtual) {
	var parts [3]reg.VecVirtual
	for i := range parts {
		parts[i] = c.ZMM()
		c.VMOVDQU64(gen.At(src, 64*i), parts[i])
	}
	for i := range out {
		out[i] = c.ZMM()
		c.VPBLENDMB(parts[1], parts[0], c.from[i][0], out[i])
		c.VMOVDQU8(parts[2], c.from[i][1], out[i])
		c.VPERMB(out[i], c.places[i], out[i])
	}
	return out
}

// lumaOf makes line i of R, G, B: of the even pixels, and of the odd ones, which are then put together. Negative words times
// negative weights are the products that are wanted.
func (c *wideLines) lumaOf(i int, channels [3]reg.VecVirtual) {
	var y [2]reg.VecVirtual
	for k, weights := range [2]reg.VecVirtual{c.even, c.odd} {
		var p [3]reg.VecVirtual
		for n, b := range channels {
			p[n] = c.ZMM()
			c.VPMADDUBSW(weights, b, p[n])
		}
		y[k] = c.converter.y(p)
		c.VPMULHRSW(c.eighth, y[k], y[k])
	}
	for k, unpack := range []func(...operand.Op){c.VPUNPCKLWD, c.VPUNPCKHWD} {
		v := c.ZMM()
		unpack(y[1], y[0], v)
		c.VMOVDQU64(v, operand.Mem{Base: c.y[i], Disp: 64 * k, Index: c.at, Scale: 2})
	}
}

// chromaOf returns Cb and Cr of the means of neighbors, and leaves nothing of R, G, B.
func (c *wideLines) chromaOf(channels [3]reg.VecVirtual) (chroma [2]reg.VecVirtual) {
	for _, b := range channels {
		c.VPMADDUBSW(c.both, b, b)
	}
	for i, weights := range [2][3]operand.Op{c.cb, c.cr} {
		chroma[i] = c.weighted(channels, weights)
	}
	return chroma
}
