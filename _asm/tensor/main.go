// Command tensor writes the assembly of internal/kernel/tensor.
package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("tensor", map[string]func(*gen.Asm){
		"avx2":   func(a *gen.Asm) { write(a, "AVX2", 16, a.YMM) },
		"avx512": func(a *gen.Asm) { write(a, "AVX512", 32, a.ZMM) },
	})
	gen.MainNEON("tensor", neon)
}

// write writes the kernels for vectors of n samples: two registers of floats become one of words.
func write(a *gen.Asm, level string, n int, vector func() reg.VecVirtual) {
	c := &converter{Asm: a, n: n, vector: vector}
	for _, half := range []bool{false, true} {
		c.half = half
		c.row(level)
		c.pixels(level)
	}
}

// converter writes what becomes of floats.
type converter struct {
	*gen.Asm
	n      int // samples of a vector
	vector func() reg.VecVirtual
	half   bool
	consts map[float32]operand.Mem
	orders [3]operand.Mem

	factor, offset, top, middle, zero, exponent reg.VecVirtual
}

// name returns the name of a kernel.
func (c *converter) name(kernel, level string) string { return nameOf(kernel, c.half) + level }

// nameOf returns the name of a kernel without its level: row, halfRow.
func nameOf(kernel string, half bool) string {
	if half {
		return "half" + strings.ToUpper(kernel[:1]) + kernel[1:]
	}
	return kernel
}

// size is the bytes of a sample.
func (c *converter) size() int {
	if c.half {
		return 2
	}
	return 4
}

// definition is what comments say of the samples.
func (c *converter) definition() string {
	return map[bool]string{false: "float32", true: "float16"}[c.half] + `. factor and offset are the bits of a float32.
	t := float32(src[i]*factor) + offset
	dst[i] = int16(min(max(t, 0), 32640) + 0.5)
Subnormal float32 count as 0. Of NaN and 0, VMAXPS takes 0: it is the operand that counts when there is no larger one.`
}

// load loads the constants.
func (c *converter) load() {
	param := func(name string) reg.VecVirtual {
		bits, v := c.XMM(), gen.Name(c.Asm, name, c.vector())
		c.VMOVQ(c.ArgAddr(name), bits)
		c.VBROADCASTSS(bits, v)
		return v
	}
	c.factor, c.offset = param("factor"), param("offset")
	c.top, c.middle, c.zero = c.constant("top", 32640), c.constant("half", 0.5), c.constant("zero", 0)
	if !c.half {
		c.exponent = c.constant("infinity", float32(math.Inf(1))) // the bits of its exponent
	}
}

func (c *converter) constant(name string, v float32) reg.VecVirtual {
	if c.consts == nil {
		c.consts = map[float32]operand.Mem{}
	}
	if _, found := c.consts[v]; !found {
		var b [8]byte
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		c.consts[v] = c.Bytes(name, b[:])
	}
	r := gen.Name(c.Asm, fmt.Sprint(v), c.vector())
	c.VBROADCASTSS(c.consts[v], r)
	return r
}

// samples returns half a vector of samples, as doublewords, from src on, and asks for those ahead.
func (c *converter) samples(src, ahead reg.GPVirtual, disp int) reg.VecVirtual {
	v := c.vector()
	if disp%64 == 0 {
		c.PREFETCHT0(operand.Mem{Base: src, Index: ahead, Scale: 1, Disp: disp})
	}
	if c.half {
		c.VCVTPH2PS(gen.At(src, disp), v)
		c.VMULPS(c.factor, v, v)
	} else {
		c.product(gen.At(src, disp), v)
	}
	c.VADDPS(c.offset, v, v)
	c.VMAXPS(c.zero, v, v)
	c.VMINPS(c.top, v, v)
	c.VADDPS(c.middle, v, v)
	c.VCVTTPS2DQ(v, v)
	return v
}

// product sets v to the product of floats and the factor. Subnormal ones count as 0, which gives the same samples: the processor
// would take some 150 cycles for each. float32 has the subnormal float16 as normal numbers.
func (c *converter) product(floats operand.Mem, v reg.VecVirtual) {
	if c.n == 32 {
		normal := c.K()
		c.VPTESTMD(floats, c.exponent, normal)
		c.VMULPS_Z(floats, c.factor, normal, v)
		return
	}
	c.VPAND(floats, c.exponent, v)
	c.VPCMPEQD(c.zero, v, v)
	c.VPANDN(floats, v, v)
	c.VMULPS(c.factor, v, v)
}

// row writes a kernel of Row.
func (c *converter) row(level string) {
	name := c.name("row", level)
	c.Func(name, "func(dst *int16, src *byte, vectors, ahead, factor, offset int)", fmt.Sprintf(`
%s makes %d*vectors samples, vectors > 0, and asks for the cache lines ahead of src. src is %s`, name, c.n, c.definition()))
	dst, src, vectors, ahead := c.Arg("dst"), c.Arg("src"), c.Arg("vectors"), c.Arg("ahead")
	c.load()
	c.Loop("loop", vectors, 1, func() {
		var whole [2]reg.VecVirtual
		for i := range whole {
			whole[i] = c.samples(src, ahead, c.n/2*c.size()*i)
		}
		if c.n == 32 {
			for i, v := range whole {
				c.VPMOVDW(v, gen.At(dst, c.n*i))
			}
		} else {
			c.VPACKSSDW(whole[1], whole[0], whole[0])
			c.VPERMQ(operand.U8(0b11_01_10_00), whole[0], whole[0]) // packing works on halves
			c.VMOVDQU(whole[0], gen.At(dst, 0))
		}
		c.ADDQ(operand.U32(c.size()*c.n), src)
		c.ADDQ(operand.U32(2*c.n), dst)
	})
	c.End()
}
