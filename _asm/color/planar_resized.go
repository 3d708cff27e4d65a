package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// planarResized writes the kernels of PlanarResized. In AVX2 they make 16 samples at a time; a group of a table is, in bytes:
//
//	shuffles  32: the two bytes of samples 0..3 and 8..11, in their windows
//	          32: of samples 4..7 and 12..15
//	weights   32: of the two bytes of each sample, adding up to 128
//	offsets   4 each: of the windows of 16 bytes for samples 0..3; 8..11; 4..7; 12..15
//	          and 16 of nothing
//
// In AVX-512 they make 32 samples at a time:
//
//	places    64: of the two bytes of each sample, in two windows of 64 bytes
//	weights   64: of them, adding up to 128
//	offsets   4 each: of the windows for samples 0..15; 16..31
//	          and 56 of nothing
func planarResized(f *file, level string) {
	for to := ycc; to <= luma; to++ {
		name := fmt.Sprintf("planar%s%s", to, level)
		f.Func(name, "func(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)", fmt.Sprintf(`
%s makes groups*%d samples, groups > 0: resample's Plane of each channel%s.`, name, f.width/2, to.then()))
		var rows [3]reg.GPVirtual
		for i, name := range []string{"red", "green", "blue"} {
			rows[i] = f.Arg(name)
		}
		table, groups, ahead := f.Arg("table"), f.Arg("groups"), f.Arg("ahead")
		c := newConverter(f, to)
		if to == yccHalf {
			c.loadChroma(false)
		}
		samples, size := c.planarSamplesAVX2, 128
		if f.width == 64 {
			samples, size = c.planarSamplesAVX512, 192
		}
		f.Loop("loop", groups, 1, func() {
			p := samples(rows, table, ahead)
			c.write(p, 0)
			if to == yccHalf {
				c.writeHalf(p)
			}
			c.advance(f.width / 2)
			f.ADDQ(operand.U32(size), table)
		})
		f.End()
	}
}

// fetchAt asks for what lies ahead of an offset in a row.
func (f *file) fetchAt(row, offset, ahead reg.GPVirtual) {
	at := f.GP64()
	f.LEAQ(operand.Mem{Base: row, Index: offset, Scale: 1}, at)
	f.PREFETCHT0(operand.Mem{Base: at, Index: ahead, Scale: 1})
}

func (c *converter) planarSamplesAVX2(rows [3]reg.GPVirtual, table, ahead reg.GPVirtual) (p [3]reg.VecVirtual) {
	for pair := range 2 {
		low, high := c.GP64(), c.GP64()
		c.MOVL(gen.At(table, 96+8*pair), low.As32())
		c.MOVL(gen.At(table, 100+8*pair), high.As32())
		for i, row := range rows {
			if pair == 0 { // up to a ratio of 4 a group is a cache line or less
				c.fetchAt(row, low, ahead)
			}
			v := c.YMM()
			c.loadHalves(operand.Mem{Base: row, Index: low, Scale: 1}, operand.Mem{Base: row, Index: high, Scale: 1}, v)
			c.VPSHUFB(gen.At(table, 32*pair), v, v)
			if pair == 0 {
				p[i] = v
				continue
			}
			c.VPOR(v, p[i], p[i])
			c.VPMADDUBSW(gen.At(table, 64), p[i], p[i])
		}
	}
	return p
}

func (c *converter) planarSamplesAVX512(rows [3]reg.GPVirtual, table, ahead reg.GPVirtual) (p [3]reg.VecVirtual) {
	low, high := c.GP64(), c.GP64()
	c.MOVL(gen.At(table, 128), low.As32())
	c.MOVL(gen.At(table, 132), high.As32())
	weights := c.ZMM()
	c.VMOVDQU64(gen.At(table, 64), weights)
	for i, row := range rows {
		c.fetchAt(row, low, ahead)
		c.fetchAt(row, high, ahead)
		first, second := c.ZMM(), c.ZMM()
		c.VMOVDQU64(operand.Mem{Base: row, Index: low, Scale: 1}, first)
		c.VMOVDQU64(operand.Mem{Base: row, Index: high, Scale: 1}, second)
		p[i] = c.ZMM()
		c.VMOVDQU64(gen.At(table, 0), p[i])
		c.VPERMI2B(second, first, p[i])
		c.VPMADDUBSW(weights, p[i], p[i])
	}
	return p
}
