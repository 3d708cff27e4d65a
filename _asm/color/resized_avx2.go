package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// resizedAVX2 writes kernels of Resized that make 16 samples at a time. A group of a table is, in bytes:
//
//	offsets   4 each: of the windows of 16 bytes for samples 0, 1; 2, 3; .. (near), or of 8 bytes for each sample (far)
//	shuffles  32 each, for samples 0, 1, 8, 9; 2, 3, 10, 11; 4, 5, 12, 13; 6, 7, 14, 15: the bytes of two neighboring
//	          pixels to R R R R G G G G B B B B and four zeros, for two samples
//	weights   32: of the two pixels of each sample, adding up to 128
func resizedAVX2(f *file) {
	for _, far := range []bool{false, true} {
		for to := rgb; to <= luma; to++ {
			writeResizedAVX2(f, far, to)
		}
	}
}

func writeResizedAVX2(f *file, far bool, to planes) {
	name, windows, size := "near", 8, 16
	if far {
		name, windows, size = "far", 16, 8
	}
	f.Func(fmt.Sprintf("%s%sAVX2", name, to), "func(first, second, third *int16, src, table *byte, ahead, groups int)", fmt.Sprintf(`
%s%sAVX2 makes groups*16 samples, groups > 0, of windows of %d bytes: resample's Packed%s.`, name, to, size, to.then()))
	src, table, groups := f.Arg("src"), f.Arg("table"), f.Arg("groups")
	ahead := rowAhead(f, src)
	if far {
		pagesAhead(f, ahead)
	}
	c := newConverter(f, to)
	if to == yccHalf {
		c.loadChroma(false)
	}
	shuffles, weights := 4*windows, 4*windows+128
	// load makes R, G, B of a group.
	load := func() [3]reg.VecVirtual {
		var quads [4]reg.VecVirtual // R, G, B of samples 0, 1 and 8, 9, and so on
		for i := range quads {
			quads[i] = f.YMM()
			if far {
				loadFar(f, src, ahead, table, i, quads[i])
			} else {
				loadNear(f, src, ahead, table, i, quads[i])
			}
			f.VPSHUFB(operand.Mem{Base: table, Disp: shuffles + 32*i}, quads[i], quads[i])
		}
		return transpose(f, quads)
	}
	convert := func(p [3]reg.VecVirtual) {
		c.write(p, 0)
		if to == yccHalf {
			c.writeHalf(p)
		}
	}
	if far {
		f.Loop("loop", groups, 1, func() {
			p := load()
			for i, v := range p {
				f.VPMADDUBSW(operand.Mem{Base: table, Disp: weights}, v, p[i])
			}
			convert(p)
			c.advance(16)
			f.ADDQ(operand.U32(weights+32), table)
		})
	} else {
		c.byTurns(groups, load, convert, table, weights)
	}
	f.End()
}

// byTurns converts a group of R, G, B after the next one is loaded: one is a long chain of operations that wait for each other, and
// several do not fit into what a processor looks ahead. What is converted before the first group is nothing, and overwritten.
func (c *converter) byTurns(groups reg.GPVirtual, load func() [3]reg.VecVirtual, convert func([3]reg.VecVirtual), table reg.GPVirtual, weights int) {
	next := gen.Name(c.Asm, "samples loaded", c.GP64())
	c.XORL(next.As32(), next.As32())
	var group [3]reg.VecVirtual
	for i := range group {
		group[i] = gen.Name(c.Asm, "RGB"[i:i+1], c.YMM())
		c.VPXOR(group[i], group[i], group[i])
	}
	c.Loop("loop", groups, 1, func() {
		loaded := load()
		convert(group)
		c.MOVQ(next, c.at)
		c.ADDQ(operand.U32(16), next)
		for i, v := range loaded {
			c.VPMADDUBSW(operand.Mem{Base: table, Disp: weights}, v, group[i])
		}
		c.ADDQ(operand.U32(weights+32), table)
	})
	convert(group)
}

// loadNear asks for every second window ahead: two are less than a cache line.
func loadNear(f *file, src, ahead, table reg.GPVirtual, i int, v reg.VecVirtual) {
	if i%2 == 0 {
		f.loadHalves(windowAhead(f, src, ahead, gen.At(table, 4*i)), windowAhead(f, src, ahead, gen.At(table, 4*(i+4))), v)
		return
	}
	f.loadHalves(windowAt(f, src, gen.At(table, 4*i)), windowAt(f, src, gen.At(table, 4*(i+4))), v)
}

// loadHalves loads 16 bytes each into the halves of a register. That the lower ones first go to both costs nothing, and
// avo sees that the register's former contents are gone.
func (f *file) loadHalves(low, high operand.Mem, v reg.VecVirtual) {
	f.VBROADCASTI128(low, v)
	f.VINSERTI128(operand.U8(1), high, v, v)
}

// pagesAhead asks for a line of each of the first two pages that lie twice as far ahead as the row. Rows that shrink so much are
// long, and other rows between them are left out, so that they are on other pages than those before: finding out where these
// are in memory takes longer than a line does.
func pagesAhead(f *file, ahead reg.GPVirtual) {
	pages := f.GP64()
	f.MOVQ(f.ArgAddr("ahead"), pages)
	f.ADDQ(ahead, pages)
	f.PREFETCHT1(gen.At(pages, 0))
	f.PREFETCHT1(gen.At(pages, 4096))
}

// loadFar asks for every second window ahead, too: up to a ratio of 10 that is every cache line. They go into the second-level
// cache: the rows from here to the one ahead are as much as the first holds.
func loadFar(f *file, src, ahead, table reg.GPVirtual, i int, v reg.VecVirtual) {
	high := f.YMM()
	for k, x := range []reg.VecVirtual{v, high} {
		at := 2*i + 8*k
		window := windowAt(f, src, gen.At(table, 4*at))
		f.PREFETCHT1(operand.Mem{Base: ahead, Index: window.Index, Scale: 1})
		f.VMOVQ(window, x.AsX())
		f.VMOVHPS(windowAt(f, src, gen.At(table, 4*(at+1))), x.AsX(), x.AsX())
	}
	f.VINSERTI128(operand.U8(1), high.AsX(), v, v)
}

// transpose returns the first, second and third doublewords of all quads.
func transpose(f *file, q [4]reg.VecVirtual) [3]reg.VecVirtual {
	lowA, lowB, highA, highB := f.YMM(), f.YMM(), f.YMM(), f.YMM()
	f.VPUNPCKLDQ(q[1], q[0], lowA)
	f.VPUNPCKLDQ(q[3], q[2], lowB)
	f.VPUNPCKHDQ(q[1], q[0], highA)
	f.VPUNPCKHDQ(q[3], q[2], highB)
	p := [3]reg.VecVirtual{f.YMM(), f.YMM(), f.YMM()}
	f.VPUNPCKLQDQ(lowB, lowA, p[0])
	f.VPUNPCKHQDQ(lowB, lowA, p[1])
	f.VPUNPCKLQDQ(highB, highA, p[2])
	return p
}
