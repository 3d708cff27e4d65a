package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

const (
	vectorPairs = 16 // of symbols in a vector

	// The codes of a lane's four symbols have so many bits together: with 7 left over, 57 are what fits 8 bytes, and with
	// less than 7 a byte might have bits of three lanes.
	leastBits, mostBits = 7, 57

	// longPairs are taken two by two where a lane has others: what comes next is like it.
	longPairs = 2 * vectorPairs
)

// write512 has four symbols in each of eight lanes. Two gathers find their codes, and shifts put these together. The sums
// of the lengths say where each lane's bits go. A lane also gets what its first byte has of the lane before: a
// scatter stores lane after lane, each over the end of the one before.
func write512(a *gen.Asm) {
	w := newWriter(a, "AVX512", `
Of 32 symbols, four are in each lane of 64 bits:
	for i := range lanes {
		code, length := c.join(syms[4*i:][:4])
		at[i], bits[i] = pos>>3, code<<(64-length)>>(pos&7)
		pos += length
	}
	for i := range lanes {
		binary.BigEndian.PutUint64(dst[at[i]:], bits[i] | bits[i-1]<<(8*(at[i]-at[i-1])))
	}
Where a lane has more than 57 bits or less than 7, and at the end, it does as writeAVX2.`)
	v := newLanes(w)
	const vectors, next, long, one = operand.LabelRef("vectors"), operand.LabelRef("lanes"), operand.LabelRef("long"), operand.LabelRef("one")
	a.CMPQ(w.pairs, operand.U8(vectorPairs))
	a.JLT(rest)

	a.Label(string(vectors))
	v.enter()
	a.Label(string(next))
	code, length := v.join()
	v.unusual(length)
	a.JNZ(long)
	v.store(code, length)
	a.ADDQ(operand.U8(4*vectorPairs), w.syms)
	a.SUBQ(operand.U8(vectorPairs), w.pairs)
	a.CMPQ(w.pairs, operand.U8(vectorPairs))
	a.JGE(next)
	v.leave()
	a.JMP(rest)

	a.Label(string(long))
	v.leave()
	count := a.GP64()
	a.MOVQ(operand.U32(longPairs), count)
	a.CMPQ(w.pairs, count)
	a.CMOVQLT(w.pairs, count)
	a.SUBQ(count, w.pairs)
	a.Label(string(one))
	w.join(w.code, w.length, 0)
	w.add()
	a.ADDQ(operand.U8(4), w.syms)
	a.DECQ(count)
	a.JNZ(one)
	a.CMPQ(w.pairs, operand.U8(vectorPairs))
	a.JGE(vectors)
	a.JMP(rest)

	w.scalar()
}

// lanes writes what write512 does with vectors.
type lanes struct {
	*writer
	all, even                 reg.OpmaskVirtual // doublewords
	symbol, length            reg.VecVirtual    // masks of doublewords
	zero, seven, usual, whole reg.VecVirtual    // numbers in quadwords
	order                     reg.VecVirtual    // of bytes: those of each quadword turned round
	start                     reg.GPVirtual     // dst where the vectors began
	pos, at, bits             reg.VecVirtual    // bits from there, in all lanes; of the vector before
}

func newLanes(w *writer) *lanes {
	v := &lanes{writer: w}
	mask := func(text string, value uint32) reg.OpmaskVirtual {
		r, k := w.GP32(), gen.Name(w.Asm, text, w.K())
		w.MOVL(operand.U32(value), r)
		w.KMOVW(r, k)
		return k
	}
	v.all, v.even = mask("all doublewords", 0xFFFF), mask("the even doublewords", 0x5555)
	doubles := func(text string, value uint32) reg.VecVirtual {
		r, z := w.GP32(), gen.Name(w.Asm, text, w.ZMM())
		w.MOVL(operand.U32(value), r)
		w.VPBROADCASTD(r, z)
		return z
	}
	v.symbol, v.length = doubles("0xFFFF in each doubleword", 0xFFFF), doubles("63 in each doubleword", 1<<lengthBits-1)
	quads := func(text string, value uint32) reg.VecVirtual {
		r, z := w.GP64(), gen.Name(w.Asm, text, w.ZMM())
		w.MOVL(operand.U32(value), r.As32())
		w.VPBROADCASTQ(r, z)
		return z
	}
	v.seven, v.usual, v.whole = quads("7 in each quadword", leastBits), quads("50 in each quadword", mostBits-leastBits), quads("64 in each quadword", 64)
	v.zero = gen.Name(w.Asm, "0", w.ZMM())
	w.VPXORQ(v.zero, v.zero, v.zero)
	order := make([]byte, 64)
	for i := range order {
		order[i] = byte(i ^ 7)
	}
	v.order = gen.Name(w.Asm, "the bytes of each quadword turned round", w.ZMM())
	w.VMOVDQU8(w.Bytes("turned", order), v.order)
	v.start = gen.Name(w.Asm, "dst where the vectors began", w.GP64())
	v.pos = gen.Name(w.Asm, "bits from there, in each quadword", w.ZMM())
	v.at, v.bits = gen.Name(w.Asm, "at of the vector before", w.ZMM()), gen.Name(w.Asm, "bits of the vector before", w.ZMM())
	return v
}

// enter begins vectors: what is left over is as if a lane before had it. It is in memory, too, where leave finds it.
func (v *lanes) enter() {
	v.Comment("What is left over becomes bits of a lane before.")
	v.MOVQ(v.dst, v.start)
	v.VPBROADCASTQ(v.have, v.pos)
	left, shift := v.GP64(), v.GP64()
	v.LEAQ(operand.Mem{Base: v.acc, Index: v.acc, Scale: 1}, left) // where there is nothing, 64 would shift by nothing
	v.MOVQ(v.have, shift)
	v.XORQ(operand.U8(63), shift)
	v.SHLXQ(shift, left, left)
	v.VPBROADCASTQ(left, v.bits)
	v.VPXORQ(v.at, v.at, v.at)
	v.SHRQ(operand.U8(56), left)
	v.MOVB(left.As8(), gen.At(v.dst, 0))
}

// leave ends vectors.
func (v *lanes) leave() {
	v.Comment("What does not fill a byte is left over.")
	v.VMOVQ(v.pos.AsX(), v.have)
	v.MOVQ(v.have, v.dst)
	v.SHRQ(operand.U8(3), v.dst)
	v.ADDQ(v.start, v.dst)
	v.ANDL(operand.U8(7), v.have.As32())
	shift := v.GP64()
	v.MOVL(operand.U32(8), shift.As32())
	v.SUBL(v.have.As32(), shift.As32())
	v.MOVBQZX(gen.At(v.dst, 0), v.acc)
	v.SHRXQ(shift, v.acc, v.acc)
}

// join returns the codes of each lane's symbols, one behind the other, and their length.
func (v *lanes) join() (code, length reg.VecVirtual) {
	v.Comment("Codes of the first and third symbols, and of the second and fourth.")
	symbols, first, second := v.ZMM(), v.ZMM(), v.ZMM()
	v.VMOVDQU64(gen.At(v.syms, 0), symbols)
	v.VPANDD(v.symbol, symbols, first)
	v.VPSRLD(operand.U8(16), symbols, second)
	firstCode, firstLength := v.lookUp(first)
	secondCode, secondLength := v.lookUp(second)
	both := v.ZMM()
	v.VPADDD(firstLength, secondLength, both)

	low := func(z reg.VecVirtual) reg.VecVirtual {
		out := v.ZMM()
		v.VMOVDQA32_Z(z, v.even, out)
		return out
	}
	high := func(z reg.VecVirtual) reg.VecVirtual {
		out := v.ZMM()
		v.VPSRLQ(operand.U8(32), z, out)
		return out
	}
	behind := func(first, second, secondLength reg.VecVirtual) reg.VecVirtual {
		v.VPSLLVQ(secondLength, first, first)
		v.VPORQ(second, first, first)
		return first
	}
	v.Comment("One behind the other.")
	former := behind(low(firstCode), low(secondCode), low(secondLength))
	latter := behind(high(firstCode), high(secondCode), high(secondLength))
	length = high(both)
	code = behind(former, latter, length)
	v.VPADDQ(low(both), length, length)
	return code, length
}

// lookUp returns the codes of the symbols in doublewords, and their lengths.
func (v *lanes) lookUp(symbols reg.VecVirtual) (code, length reg.VecVirtual) {
	entry, wanted := v.ZMM(), v.K()
	v.VPXORQ(entry, entry, entry)
	v.KMOVW(v.all, wanted)
	v.VPGATHERDD(operand.Mem{Base: v.codes, Index: symbols, Scale: 4}, wanted, entry)
	code, length = v.ZMM(), v.ZMM()
	v.VPANDD(v.length, entry, length)
	v.VPSRLD(operand.U8(lengthBits), entry, code)
	return code, length
}

// unusual clears the zero flag where some length is not one of leastBits..mostBits.
func (v *lanes) unusual(length reg.VecVirtual) {
	above, is := v.ZMM(), v.K()
	v.VPSUBQ(v.seven, length, above)
	v.VPCMPUQ(operand.U8(6), v.usual, above, is) // 6: above
	v.KORTESTB(is, is)
}

// store stores the bits of all lanes.
func (v *lanes) store(code, length reg.VecVirtual) {
	v.Comment("Where each lane begins.")
	end := v.ZMM()
	v.VMOVDQA64(length, end)
	for _, lanes := range []uint8{1, 2, 4} {
		before := v.ZMM()
		v.VALIGNQ(operand.U8(8-lanes), v.zero, end, before)
		v.VPADDQ(before, end, end)
	}
	v.VPADDQ(v.pos, end, end)
	begin, at, bit := v.ZMM(), v.ZMM(), v.ZMM()
	v.VPSUBQ(length, end, begin)
	v.VPERMQ(end, v.seven, v.pos)
	v.VPSRLQ(operand.U8(3), begin, at)
	v.VPANDQ(v.seven, begin, bit)

	v.Comment("Its bits, and those of the lane before.")
	bits, shift := v.ZMM(), v.ZMM()
	v.VPSUBQ(length, v.whole, shift)
	v.VPSLLVQ(shift, code, bits)
	v.VPSRLVQ(bit, bits, bits)
	before, bytes := v.ZMM(), v.ZMM()
	v.VALIGNQ(operand.U8(7), v.at, at, bytes)
	v.VPSUBQ(bytes, at, bytes)
	v.VPSLLQ(operand.U8(3), bytes, bytes)
	v.VALIGNQ(operand.U8(7), v.bits, bits, before)
	v.VPSLLVQ(bytes, before, before)
	v.VPORQ(bits, before, before)
	v.VPSHUFB(v.order, before, before)
	v.VMOVDQA64(at, v.at)
	v.VMOVDQA64(bits, v.bits)
	wanted := v.K()
	v.KMOVW(v.all, wanted)
	v.VPSCATTERQQ(before, wanted, operand.Mem{Base: v.start, Index: at, Scale: 1})
}
