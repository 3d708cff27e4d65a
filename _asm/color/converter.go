package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// The weights of R, G, B in Y, Cb and Cr, in 32768ths: those of internal/kernel/color.
var (
	lumaWeights = [3]int16{9798, 19235, 3735}
	cbWeights   = [3]int16{-5529, -10855, 16384}
	crWeights   = [3]int16{16384, -13720, -2664}
)

// mid is 128 with 7 fractional bits.
const mid = 128 << 7

// planes is what becomes of R, G, B.
type planes int

const (
	rgb planes = iota
	ycc
	yccHalf
	luma
)

func (p planes) String() string { return [...]string{"RGB", "YCC", "YCCHalf", "Luma"}[p] }

// then is the step that follows an interpolation, for comments.
func (p planes) then() string {
	if p == rgb {
		return ""
	}
	return " and then " + p.String()
}

// file is an assembly file with its constants.
type file struct {
	*gen.Asm
	width  int // bytes of a register: 32 or 64
	consts map[string]operand.Mem
}

func newFile(a *gen.Asm, width int) *file {
	return &file{Asm: a, width: width, consts: map[string]operand.Mem{}}
}

// vec returns a new register of the file's width.
func (f *file) vec() reg.VecVirtual {
	if f.width == 64 {
		return f.ZMM()
	}
	return f.YMM()
}

// data returns where bits lie in the file, which it puts there under a name if they are new.
func (f *file) data(name string, bits []byte) operand.Mem {
	m, found := f.consts[name]
	if !found {
		m = f.StaticGlobal(name)
		f.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := 0; i < len(bits); i += 4 {
			f.AppendDatum(operand.U32(binary.LittleEndian.Uint32(bits[i:])))
		}
		f.consts[name] = m
	}
	return m
}

// words returns a register of pairs of words.
func (f *file) words(low, high int16, name string) reg.VecVirtual {
	v := gen.Name(f.Asm, name, f.vec())
	f.VPBROADCASTD(f.data("pair_"+pairName(low, high), pair(low, high)), v)
	return v
}

// each returns pairs of words in each of three registers, named for R, G and B. In AVX2, which has too few registers, they
// are in memory; in AVX-512, where memory would have to be aligned to 64 bytes, they are in registers.
func (f *file) each(low, high [3]int16, name string) (ops [3]operand.Op) {
	for i := range ops {
		if f.width == 64 {
			ops[i] = f.words(low[i], high[i], fmt.Sprintf("weight of %c in %s", "RGB"[i], name))
		} else {
			ops[i] = f.data("pairs_"+pairName(low[i], high[i]), bytes.Repeat(pair(low[i], high[i]), 8))
		}
	}
	return ops
}

// pair returns two words in their order in memory.
func pair(low, high int16) []byte {
	return []byte{byte(low), byte(low >> 8), byte(high), byte(high >> 8)}
}

// pairName returns the words of a pair in hexadecimal.
func pairName(low, high int16) string { return fmt.Sprintf("%04x_%04x", uint16(low), uint16(high)) }

// shuffle returns a register with 16 bytes in each part of 16.
func (f *file) shuffle(name string, places [16]byte) reg.VecVirtual {
	v := gen.Name(f.Asm, name, f.vec())
	if f.width == 64 {
		f.VBROADCASTI32X4(f.data(name, places[:]), v)
	} else {
		f.VBROADCASTI128(f.data(name, places[:]), v)
	}
	return v
}

// converter writes what becomes of a register each of R, G, B: samples of 0..32640.
type converter struct {
	*file
	to  planes
	dst [3]reg.GPVirtual
	at  reg.GPVirtual // samples of R done

	luma, cb, cr [3]operand.Op // weights
	inTurn       [3]operand.Op // weights in Cb and in Cr, of pairs
	mid          reg.VecVirtual
	swap         reg.VecVirtual // exchanges the words of a pair
	part         reg.VecVirtual // takes the words of pairs apart: in AVX2 within 16 bytes
}

// newConverter loads the planes, which are the parameters first, second and third, and constants.
func newConverter(f *file, to planes) *converter {
	c := &converter{file: f, to: to}
	names := [3]string{"Y", "Cb", "Cr"}
	if to == rgb {
		names = [3]string{"R", "G", "B"}
	}
	for i, name := range names {
		if to != luma || i == 0 {
			c.dst[i] = gen.Name(f.Asm, name, f.Load(f.Param([3]string{"first", "second", "third"}[i]), f.GP64()).(reg.GPVirtual))
		}
	}
	c.at = gen.Name(f.Asm, "samples done", f.GP64())
	f.XORL(c.at.As32(), c.at.As32())
	if to == rgb {
		return c
	}
	for i, w := range lumaWeights {
		c.luma[i] = f.words(w, w, "weight of "+"RGB"[i:i+1]+" in Y")
	}
	c.mid = f.words(mid, mid, midName)
	if to == ycc {
		c.loadChroma(true)
	}
	return c
}

// midName is the name of mid in comments.
const midName = "128<<7"

// loadChroma loads what chroma needs: that of each sample, if they are whole, and of pairs of words, as writeHalf has
// them, else.
func (c *converter) loadChroma(whole bool) {
	if whole {
		c.cb, c.cr = c.each(cbWeights, cbWeights, "Cb"), c.each(crWeights, crWeights, "Cr")
		return
	}
	c.inTurn = c.each(cbWeights, crWeights, "Cb, Cr")
	c.swap = c.shuffle("swapWords", [16]byte{2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13})
	if c.width == 64 {
		c.part = gen.Name(c.Asm, "partWords", c.ZMM())
		var places []byte
		for i := range 32 {
			places = append(places, byte(2*i%32+i/16), 0)
		}
		c.VMOVDQU64(c.data("partWords", places), c.part)
		return
	}
	c.part = c.shuffle("partWords", [16]byte{0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15})
}

// advance counts samples as done.
func (c *converter) advance(samples int) { c.ADDQ(operand.U32(samples), c.at) }

// store writes samples at some distance from those that are done.
func (c *converter) store(v reg.Register, plane, samples int) {
	c.move(v, operand.Mem{Base: c.dst[plane], Disp: 2 * samples, Index: c.at, Scale: 2})
}

// move copies a whole register.
func (f *file) move(from, to operand.Op) {
	if f.width == 64 {
		f.VMOVDQU64(from, to)
	} else {
		f.VMOVDQU(from, to)
	}
}

// write makes, of R, G, B at some distance from the samples that are done, the planes that are as long as R.
func (c *converter) write(p [3]reg.VecVirtual, samples int) {
	if c.to == rgb {
		for i, v := range p {
			c.store(v, i, samples)
		}
		return
	}
	c.store(c.y(p), 0, samples)
	if c.to == ycc {
		c.store(c.weighted(p, c.cb), 1, samples)
		c.store(c.weighted(p, c.cr), 2, samples)
	}
}

// y returns Y of R, G, B.
func (c *converter) y(p [3]reg.VecVirtual) reg.VecVirtual {
	y := c.weighted(p, c.luma)
	c.VPSUBW(c.mid, y, y)
	return y
}

// writeHalf makes chroma of the means of neighbors.
func (c *converter) writeHalf(p [3]reg.VecVirtual) { c.storeHalf(c.half(p)) }

// half returns chroma of the means of neighbors, Cb and Cr by turns: the means are in both words of a pair.
func (c *converter) half(p [3]reg.VecVirtual) reg.VecVirtual {
	var means [3]reg.VecVirtual
	for i := range means {
		means[i] = c.vec()
		c.VPSHUFB(c.swap, p[i], means[i])
		c.VPAVGW(p[i], means[i], means[i])
	}
	return c.weighted(means, c.inTurn)
}

// storeHalf writes chroma that half has made.
func (c *converter) storeHalf(v reg.VecVirtual) {
	if c.width == 64 {
		c.VPERMW(v, c.part, v)
		c.VMOVDQU64(v.AsY(), operand.Mem{Base: c.dst[1], Index: c.at, Scale: 1})
		c.VEXTRACTI64X4(operand.U8(1), v, operand.Mem{Base: c.dst[2], Index: c.at, Scale: 1})
		return
	}
	c.VPSHUFB(c.part, v, v)
	c.VPERMQ(operand.U8(0b11_01_10_00), v, v) // Cb, Cr, Cb, Cr
	c.VMOVDQU(v.AsX(), operand.Mem{Base: c.dst[1], Index: c.at, Scale: 1})
	c.VEXTRACTI128(operand.U8(1), v, operand.Mem{Base: c.dst[2], Index: c.at, Scale: 1})
}

// weighted returns the sum of the products.
func (c *converter) weighted(p [3]reg.VecVirtual, weights [3]operand.Op) reg.VecVirtual {
	sum := c.vec()
	c.VPMULHRSW(weights[0], p[0], sum)
	for i := 1; i < 3; i++ {
		product := c.vec()
		c.VPMULHRSW(weights[i], p[i], product)
		c.VPADDW(product, sum, sum)
	}
	return sum
}
