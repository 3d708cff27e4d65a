package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// lengthBits is that of huff.Codes: shifts take the length of a code from its entry as it is.
const lengthBits = 6

// codesLeft is where huff.Codes has its entries that are shifted left.
const (
	codesLeft      = 4 << 16
	leftLengthBits = 7
)

// partialLong is where Partial says that codes are long.
const partialLong = 16

// write puts the codes of eight symbols together before it appends them to what is left over of those before, or of six where codes
// are long, and fewer where those have more than 56 bits. All bits are at the upper end of their registers, so that nothing has to be
// shifted that is not put together.
func write(a *gen.Asm) {
	w := newWriter(a, "AVX2", `
acc has its bits at the upper end.
	most := 8
	if p.long {
		most = 6
	}
	for len(syms) > 0 {
		var code, length uint64
		for _, n := range []int{most, 4, 2} {
			if n <= len(syms) {
				code, length = c.join(syms[:n])
				if length <= 56 {
					break
				}
			}
		}
		acc |= code>>have
		have += length
		binary.BigEndian.PutUint64(dst, acc)
		dst, acc, syms = dst[have>>3:], acc<<(have&^7), syms[n:]
		have &= 7
	}`)
	const (
		eight, six     = operand.LabelRef("eight"), operand.LabelRef("six")
		fewer8, fewer6 = operand.LabelRef("fewerThanEight"), operand.LabelRef("fewerThanSix")
		rest6, end     = operand.LabelRef("restOfSix"), operand.LabelRef("end")
	)
	last8, last6, last2 := gen.Name(a, "the last eight symbols", a.GP64()), gen.Name(a, "the last six", a.GP64()), a.GP64()
	a.LEAQ(operand.Mem{Base: w.syms, Index: w.pairs, Scale: 4, Disp: -12}, last6)
	a.LEAQ(gen.At(last6, -4), last8)
	a.Comment("Where codes are long, eight are not tried.")
	p, shift := w.code, a.GP64()
	a.XORL(shift.As32(), shift.As32())
	a.CMPB(gen.At(p, partialLong), operand.U8(0))
	a.CMOVQNE(shift, last8)
	a.Comment("A shift by 64 would be none.")
	a.MOVQ(w.have, shift)
	a.XORQ(operand.U8(63), shift)
	a.ADDQ(w.acc, w.acc)
	a.SHLXQ(shift, w.acc, w.acc)
	a.JMP(rest)

	code, length, all := a.GP64(), a.GP64(), a.GP64()
	join := func(fewer operand.LabelRef) {
		a.LEAQ(operand.Mem{Base: w.length, Index: length, Scale: 1}, all)
		a.ANDL(operand.U32(1<<(leftLengthBits+1)-1), all.As32())
		a.CMPL(all.As32(), operand.U8(56))
		a.JHI(fewer)
		a.SHRXQ(w.length, code, code)
		a.ORQ(code, w.code)
		w.addLeft(all)
	}
	a.Label(string(eight))
	w.joinFour(w.code, w.length, 0)
	w.joinFour(code, length, 8)
	join(fewer8)
	a.ADDQ(operand.U8(16), w.syms)
	a.Label(string(rest))
	a.CMPQ(w.syms, last8)
	a.JLS(eight)
	a.JMP(rest6)

	a.Label(string(six))
	w.joinFour(w.code, w.length, 0)
	w.joinLeft(code, length, 8)
	join(fewer6)
	a.ADDQ(operand.U8(12), w.syms)
	a.Label(string(rest6))
	a.CMPQ(w.syms, last6)
	a.JLS(six)

	a.Comment("Two pairs may be left.")
	a.LEAQ(gen.At(last6, 12), last2)
	a.CMPQ(w.syms, last2)
	a.JEQ(end)
	a.Label(string(two))
	w.joinLeft(w.code, w.length, 0)
	a.ANDL(operand.U8(1<<leftLengthBits-1), w.length.As32())
	w.addLeft(w.length)
	a.ADDQ(operand.U8(4), w.syms)
	a.JMP(rest)

	for _, others := range []struct {
		label   operand.LabelRef
		symbols int
	}{{fewer8, 4}, {fewer6, 2}} {
		a.Label(string(others.label))
		a.Comment("The first four, and the others.")
		a.ANDL(operand.U8(1<<leftLengthBits-1), w.length.As32())
		a.CMPL(w.length.As32(), operand.U8(56))
		a.JHI(two)
		w.addLeft(w.length)
		a.ADDQ(operand.U8(8), w.syms)
		a.ANDL(operand.U8(1<<leftLengthBits-1), length.As32())
		a.CMPL(length.As32(), operand.U8(56))
		a.JHI(two)
		a.MOVQ(code, w.code)
		w.addLeft(length)
		a.ADDQ(operand.U8(2*others.symbols), w.syms)
		a.JMP(rest)
	}

	a.Label(string(end))
	a.MOVQ(w.have, shift)
	a.NEGQ(shift)
	a.SHRXQ(shift, w.acc, w.acc)
	w.finish()
}

// joinFour is joinLeft for four symbols: other bits are above the 8 lower ones of length.
func (w *writer) joinFour(code, length reg.GPVirtual, disp int) {
	c, n := w.GP64(), w.GP64()
	w.joinLeft(code, length, disp)
	w.joinLeft(c, n, disp+4)
	w.SHRXQ(length, c, c)
	w.ORQ(c, code)
	w.ADDQ(n, length)
}

// joinLeft sets code and length to those of the two symbols disp bytes after syms, one behind the other, with other bits below the 57
// upper ones of code, and above the 7 lower ones of length.
//
//	a, b := c.left[syms[0]], c.left[syms[1]]
//	code, length = a | b>>(a&63), a+b
func (w *writer) joinLeft(code, length reg.GPVirtual, disp int) {
	second := w.GP64()
	w.MOVWLZX(gen.At(w.syms, disp), code.As32())
	w.MOVWLZX(gen.At(w.syms, disp+2), second.As32())
	w.MOVQ(operand.Mem{Base: w.codes, Index: code, Scale: 8, Disp: codesLeft}, code)
	w.MOVQ(operand.Mem{Base: w.codes, Index: second, Scale: 8, Disp: codesLeft}, second)
	w.LEAQ(operand.Mem{Base: code, Index: second, Scale: 1}, length)
	w.SHRXQ(code, second, second)
	w.ORQ(second, code)
}

// addLeft appends the upper length bits of code to acc, and stores it.
func (w *writer) addLeft(length reg.GPVirtual) {
	out := w.GP64()
	w.ANDQ(operand.I8(-1<<leftLengthBits), w.code)
	w.SHRXQ(w.have, w.code, w.code)
	w.ORQ(w.code, w.acc)
	w.ADDL(length.As32(), w.have.As32())
	w.MOVQ(w.acc, out)
	w.BSWAPQ(out)
	w.MOVQ(out, gen.At(w.dst, 0))
	w.MOVL(w.have.As32(), out.As32())
	w.ANDL(operand.U8(7), w.have.As32())
	w.SUBL(w.have.As32(), out.As32())
	w.SHLXQ(out, w.acc, w.acc)
	w.SHRL(operand.U8(3), out.As32())
	w.ADDQ(out, w.dst)
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
	w.finish()
}

// finish returns, with what is left over of acc.
func (w *writer) finish() {
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
