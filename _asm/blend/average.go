package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// columns is how many columns of rows of bytes average takes at a time: a line of the cache.
const columns = 64

const averageSignature = "dst *int16, before, whole, behind *byte, n, stride, ahead, rows, wBefore, weight, wBehind, shift int"

const averageDoc = `makes n samples, n >= 64, of so many whole rows, and of those before and behind them unless they are nil.
	dst[i] = (before[i]<<8*wBefore)>>16 + (sum of whole[i]<<shift*weight)>>16 + (behind[i]<<8*wBehind)>>16
It asks for the cache lines that lie ahead of those of the whole rows and of the one behind.`

func (b *blender) average() {
	name := "average" + b.level
	b.Func(name, "func("+averageSignature+")", name+" "+averageDoc)
	k := &averager{blender: b, dst: b.Arg("dst"), at: gen.Name(b.Asm, "columns done", b.GP64())}
	before, whole, behind := b.Arg("before"), b.Arg("whole"), b.Arg("behind")
	k.stride, k.ahead = b.Arg("stride"), b.Arg("ahead")
	wBefore, weight, wBehind := b.wordOf("wBefore"), b.wordOf("weight"), b.wordOf("wBehind")
	shift := gen.Name(b.Asm, "shift", b.XMM())
	b.VMOVQ(b.ArgAddr("shift"), shift)
	n := b.Arg("n")
	last := gen.Name(b.Asm, "where the last columns begin", b.GP64())
	b.LEAQ(gen.At(n, -columns), last)
	b.XORL(k.at.As32(), k.at.As32())
	b.Label("loop")
	var sums [4]reg.VecVirtual
	for i := range k.vectors() {
		sums[i] = b.vector()
		b.clear(sums[i])
	}
	k.addWhole(sums, whole)
	for _, sum := range sums[:k.vectors()] {
		b.VPSLLW(shift, sum, sum)
		b.VPMULHUW(weight, sum, sum)
	}
	k.addBeside(sums, before, wBefore, false)
	k.addBeside(sums, behind, wBehind, true)
	for i, sum := range sums[:k.vectors()] {
		b.move(sum, operand.Mem{Base: k.dst, Disp: 2 * b.samples * i, Index: k.at, Scale: 2})
	}
	b.ADDQ(operand.U8(columns), k.at)
	b.CMPQ(k.at, last)
	b.JLE(operand.LabelRef("loop"))
	b.CMPQ(k.at, n)
	b.JGE(operand.LabelRef("done"))
	b.MOVQ(last, k.at)
	b.JMP(operand.LabelRef("loop"))
	b.Label("done")
	b.End()
}

// averager is what average has in registers.
type averager struct {
	*blender
	dst, at, stride, ahead reg.GPVirtual
}

// vectors is how many registers hold the columns.
func (k *averager) vectors() int { return columns / k.samples }

// words returns the columns of a row as words.
func (k *averager) words(row reg.GPVirtual, i int) reg.VecVirtual {
	v := k.vector()
	k.VPMOVZXBW(gen.At(row, k.samples*i), v)
	return v
}

// addWhole adds the whole rows to the sums.
func (k *averager) addWhole(sums [4]reg.VecVirtual, whole reg.GPVirtual) {
	row, left := k.GP64(), k.GP64()
	k.MOVQ(k.ArgAddr("rows"), left)
	k.LEAQ(operand.Mem{Base: whole, Index: k.at, Scale: 1}, row)
	none := k.NewLabel("none")
	k.TESTQ(left, left)
	k.JZ(none)
	k.Loop("whole", left, 1, func() {
		k.PREFETCHT0(operand.Mem{Base: row, Index: k.ahead, Scale: 1})
		for i, sum := range sums[:k.vectors()] {
			k.VPADDW(k.words(row, i), sum, sum)
		}
		k.ADDQ(k.stride, row)
	})
	k.Label(string(none))
}

// addBeside adds the weighted row before or behind the whole ones, if there is one, to what they have become.
func (k *averager) addBeside(sums [4]reg.VecVirtual, beside reg.GPVirtual, weight reg.VecVirtual, ahead bool) {
	none := k.NewLabel("none")
	k.TESTQ(beside, beside)
	k.JZ(none)
	row := k.GP64()
	k.LEAQ(operand.Mem{Base: beside, Index: k.at, Scale: 1}, row)
	if ahead {
		k.PREFETCHT0(operand.Mem{Base: row, Index: k.ahead, Scale: 1})
	}
	for i, sum := range sums[:k.vectors()] {
		v := k.words(row, i)
		k.VPSLLW(operand.U8(8), v, v)
		k.VPMULHUW(weight, v, v)
		k.VPADDW(v, sum, sum)
	}
	k.Label(string(none))
}
