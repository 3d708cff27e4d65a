// Command tensor writes the assembly of internal/kernel/tensor.
package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("tensor", map[string]func(*gen.Asm){
		"avx2":   func(a *gen.Asm) { row(a, "AVX2", 16, a.YMM) },
		"avx512": func(a *gen.Asm) { row(a, "AVX512", 32, a.ZMM) },
	})
	gen.MainNEON("tensor", rowNEON)
}

// row writes Row for vectors of n samples: two registers of floats to one of words.
func row(a *gen.Asm, level string, n int, vector func() reg.VecVirtual) {
	a.Func("row"+level, "func(dst *int16, src *byte, vectors, ahead, factor, offset int)", fmt.Sprintf(`
row%s makes %d*vectors samples, vectors > 0, and asks for the cache lines ahead of src. factor and offset are the bits of a
float32.
	t := float32(src[i]*factor) + offset
	dst[i] = int16(min(max(t, 0), 32640) + 0.5)
Of NaN and 0, VMAXPS takes 0: it is the operand that counts when there is no larger one.`, level, n))
	dst, src, vectors, ahead := a.Arg("dst"), a.Arg("src"), a.Arg("vectors"), a.Arg("ahead")
	constant := func(name string, v float32) reg.VecVirtual {
		var b [8]byte
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		r := gen.Name(a, fmt.Sprint(v), vector())
		a.VBROADCASTSS(a.Bytes(name, b[:]), r)
		return r
	}
	param := func(name string) reg.VecVirtual {
		bits, v := a.XMM(), gen.Name(a, name, vector())
		a.VMOVQ(a.ArgAddr(name), bits)
		a.VBROADCASTSS(bits, v)
		return v
	}
	factor, offset := param("factor"), param("offset")
	top, half, zero := constant("top", 32640), constant("half", 0.5), constant("zero", 0)
	a.Loop("loop", vectors, 1, func() {
		var whole [2]reg.VecVirtual
		for i := range whole {
			v := vector()
			a.PREFETCHT0(operand.Mem{Base: src, Index: ahead, Scale: 1, Disp: 2 * n * i})
			a.VMULPS(gen.At(src, 2*n*i), factor, v)
			a.VADDPS(offset, v, v)
			a.VMAXPS(zero, v, v)
			a.VMINPS(top, v, v)
			a.VADDPS(half, v, v)
			a.VCVTTPS2DQ(v, v)
			whole[i] = v
		}
		if n == 32 {
			for i, v := range whole {
				a.VPMOVDW(v, gen.At(dst, n*i))
			}
		} else {
			a.VPACKSSDW(whole[1], whole[0], whole[0])
			a.VPERMQ(operand.U8(0b11_01_10_00), whole[0], whole[0]) // packing works on halves
			a.VMOVDQU(whole[0], gen.At(dst, 0))
		}
		a.ADDQ(operand.U32(4*n), src)
		a.ADDQ(operand.U32(2*n), dst)
	})
	a.End()
}
