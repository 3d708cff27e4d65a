package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// lengthBits is that of huff.Codes: shifts take the length of a code from its entry as it is.
const lengthBits = 6

// write puts the codes of four symbols together before it appends them to what is left over of those before, unless they
// are so long that two are all that fits.
func write(a *gen.Asm) {
	w := newWriter(a, "AVX2", `
	for len(syms) > 0 {
		code, length := c.join(syms[:4])
		if length > 57 || len(syms) < 4 {
			code, length = c.join(syms[:2])
		}
		acc = acc<<length | code
		have += length
		binary.BigEndian.PutUint64(dst, acc<<(64-have))
		dst = dst[have>>3:]
		have &= 7
	}`)
	w.CMPQ(w.pairs, operand.U8(2))
	w.JLT(two)
	w.scalar()
}

// writer writes what the kernels of Write have in common.
type writer struct {
	*gen.Asm
	dst, syms, codes reg.GPVirtual
	pairs            reg.GPVirtual
	acc, have        reg.GPVirtual
	code, length     reg.GPVirtual // what is to be added to them
}

// newWriter begins the function of a level.
func newWriter(a *gen.Asm, level, doc string) *writer {
	a.Func("write"+level, "func(dst *byte, syms *uint16, pairs int, codes *[1 << 16]uint32, p *Partial) (n int)",
		"write"+level+" is Kernels.Write for 2*pairs symbols, pairs > 0. It may write 8 bytes more than it counts."+doc, "Partial")
	w := &writer{Asm: a, dst: a.Arg("dst"), syms: a.Arg("syms"), codes: a.Arg("codes"), pairs: a.Arg("pairs")}
	w.acc, w.have = gen.Name(a, "acc", a.GP64()), gen.Name(a, "have", a.GP64())
	w.code, w.length = gen.Name(a, "code", a.GP64()), gen.Name(a, "length", a.GP64())
	p := w.code
	a.MOVQ(a.ArgAddr("p"), p)
	a.MOVQ(gen.At(p, 0), w.acc)
	a.MOVQ(gen.At(p, 8), w.have)
	return w
}

// Labels of scalar: where two or more pairs are left, where any number is, and where one or more are.
const (
	four = operand.LabelRef("four")
	rest = operand.LabelRef("rest")
	two  = operand.LabelRef("two")
)

// scalar writes all pairs and returns.
func (w *writer) scalar() {
	const add, long, end = operand.LabelRef("add"), operand.LabelRef("longer"), operand.LabelRef("end")
	w.Label(string(four))
	w.join(w.code, w.length, 0)
	code, length, all := w.GP64(), w.GP64(), w.GP64()
	w.join(code, length, 4)
	w.LEAQ(operand.Mem{Base: w.length, Index: length, Scale: 1}, all)
	w.CMPQ(all, operand.U8(57))
	w.JHI(long)
	w.SHLXQ(length, w.code, w.code)
	w.ORQ(code, w.code)
	w.MOVQ(all, w.length)
	w.ADDQ(operand.U8(8), w.syms)
	w.SUBQ(operand.U8(2), w.pairs)

	w.Label(string(add))
	w.add()
	w.Label(string(rest))
	w.CMPQ(w.pairs, operand.U8(2))
	w.JGE(four)
	w.TESTQ(w.pairs, w.pairs)
	w.JZ(end)

	w.Label(string(two))
	w.join(w.code, w.length, 0)
	w.Label(string(long))
	w.ADDQ(operand.U8(4), w.syms)
	w.DECQ(w.pairs)
	w.JMP(add)

	w.Label(string(end))
	p := w.code
	w.MOVQ(w.ArgAddr("p"), p)
	w.MOVQ(w.acc, gen.At(p, 0))
	w.MOVQ(w.have, gen.At(p, 8))
	w.SUBQ(w.ArgAddr("dst"), w.dst)
	w.Store(w.dst, w.Return("n"))
	w.End()
}

// join sets code and length to those of the two symbols disp bytes after syms, one behind the other.
//
//	a, b := uint64(c[syms[0]]), uint64(c[syms[1]])
//	code, length = a>>lengthBits<<(b&lengthMask) | b>>lengthBits, (a+b)&lengthMask
func (w *writer) join(code, length reg.GPVirtual, disp int) {
	second := w.GP64()
	w.MOVWLZX(gen.At(w.syms, disp), code.As32())
	w.MOVWLZX(gen.At(w.syms, disp+2), second.As32())
	w.MOVL(operand.Mem{Base: w.codes, Index: code, Scale: 4}, code.As32())
	w.MOVL(operand.Mem{Base: w.codes, Index: second, Scale: 4}, second.As32())
	w.LEAL(operand.Mem{Base: code, Index: second, Scale: 1}, length.As32())
	w.ANDL(operand.U8(1<<lengthBits-1), length.As32())
	w.SHRL(operand.U8(lengthBits), code.As32())
	w.SHLXQ(second, code, code)
	w.SHRL(operand.U8(lengthBits), second.As32())
	w.ORQ(second, code)
}

// add appends code to acc, and stores it.
func (w *writer) add() {
	w.SHLXQ(w.length, w.acc, w.acc)
	w.ORQ(w.code, w.acc)
	w.ADDL(w.length.As32(), w.have.As32())
	out := w.GP64()
	w.MOVQ(w.have, out)
	w.NEGQ(out)
	w.SHLXQ(out, w.acc, out)
	w.BSWAPQ(out)
	w.MOVQ(out, gen.At(w.dst, 0))
	w.MOVL(w.have.As32(), out.As32())
	w.SHRL(operand.U8(3), out.As32())
	w.ADDQ(out, w.dst)
	w.ANDL(operand.U8(7), w.have.As32())
}
