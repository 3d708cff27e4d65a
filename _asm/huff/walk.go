package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// The fields of huff.Slot, by their offsets; the package's tests compare them.
const (
	slotFirst     = 0
	slotStep      = 8
	slotComponent = 16
	slotClass     = 24
	slotSize      = 32
)

const symDC = 0x8000

// walker writes what the kernels of Flatten have in common: the way over the blocks of a strip in scan order, and all of
// a block but its AC coefficients.
type walker struct {
	*gen.Asm

	dst   reg.GPVirtual // the block's first symbol
	slot  reg.GPVirtual
	block reg.GPVirtual // its coefficients
	mask  reg.GPVirtual
}

const flattenSignature = "(dst *uint16, coefs *[64]int16, masks *uint64, order *[65]uint8, pred *[3]int32, " +
	"slots, slot, lastSlot *Slot, mcu, blocks int) (n, left int)"

const flattenDoc = `
flatten%s lists the symbols of blocks > 0 blocks, those from slot of MCU mcu on, and returns their
number. dst has room for maxBlockSymbols of each. It stops before a block with a run of more than maxRun
zeros, or with a value that may be above maxShort, and returns how many blocks are left.`

// begin loads what walk needs.
func begin(a *gen.Asm) *walker {
	w := &walker{Asm: a}
	w.dst, w.slot = a.Arg("dst"), a.Arg("slot")
	w.block = gen.Name(a, "coefficients of the block", a.GP64())
	w.mask = gen.Name(a, "mask of the block", a.GP64())
	return w
}

// walk writes the loop over blocks. ac lists the AC coefficients of a block that has some, from 2 bytes after dst on, or
// jumps to stop.
func (w *walker) walk(ac func(stop operand.LabelRef)) {
	const next, noAC, stop = operand.LabelRef("next"), operand.LabelRef("noAC"), operand.LabelRef("stop")
	w.Label("next")
	w.Comment("Block First + mcu*Step.")
	at, masks := w.GP64(), w.GP64()
	w.MOVQ(gen.At(w.slot, slotStep), at)
	w.IMULQ(w.ArgAddr("mcu"), at)
	w.ADDQ(gen.At(w.slot, slotFirst), at)
	w.MOVQ(w.ArgAddr("masks"), masks)
	w.MOVQ(operand.Mem{Base: masks, Index: at, Scale: 8}, w.mask)
	w.SHLQ(operand.U8(7), at)
	w.MOVQ(w.ArgAddr("coefs"), w.block)
	w.ADDQ(at, w.block)
	w.TESTQ(w.mask, w.mask)
	w.JZ(noAC)
	ac(stop)
	w.Label("noAC")
	w.dc()
	w.endBlock()

	w.Comment("The next slot, or the first of the next MCU.")
	w.CMPQ(w.slot, w.ArgAddr("lastSlot"))
	w.LEAQ(gen.At(w.slot, slotSize), w.slot)
	w.JNE(operand.LabelRef("sameMCU"))
	w.MOVQ(w.ArgAddr("slots"), w.slot)
	w.INCQ(w.ArgAddr("mcu"))
	w.Label("sameMCU")
	w.DECQ(w.ArgAddr("blocks"))
	w.JNZ(next)
	w.Label("stop")
	w.SUBQ(w.ArgAddr("dst"), w.dst)
	w.SHRQ(operand.U8(1), w.dst)
	w.Store(w.dst, w.Return("n"))
	w.MOVQ(w.ArgAddr("blocks"), at)
	w.Store(at, w.Return("left"))
	w.End()
}

// dc lists the DC difference.
//
//	d[0] = symDC | class<<dcClassShift | Symbol(int32(c[0])-pred)&dcMask
//	pred = int32(c[0])
func (w *walker) dc() {
	w.Comment("DC.")
	pred, component, dc, old := w.GP64(), w.GP64(), w.GP32(), w.GP32()
	w.MOVQ(w.ArgAddr("pred"), pred)
	w.MOVQ(gen.At(w.slot, slotComponent), component)
	w.LEAQ(operand.Mem{Base: pred, Index: component, Scale: 4}, pred)
	w.MOVWLSX(gen.At(w.block, 0), dc)
	w.MOVL(gen.At(pred, 0), old)
	w.MOVL(dc, gen.At(pred, 0))
	w.SUBL(old, dc)
	w.ANDL(operand.U32(0xFFF), dc)
	class := w.slotClass()
	w.SHLL(operand.U8(12), class.As32())
	w.LEAL(operand.Mem{Base: dc.As64(), Index: class, Scale: 1, Disp: symDC}, dc)
	w.MOVW(dc.As16(), gen.At(w.dst, 0))
}

// slotClass returns a register with the class of the block.
func (w *walker) slotClass() reg.GPVirtual {
	class := w.GP64()
	w.MOVBLZX(gen.At(w.slot, slotClass), class.As32())
	return class
}

// endBlock lists an EOB, unless the last coefficient is not zero, and moves dst on.
func (w *walker) endBlock() {
	w.Comment("EOB, which counts unless the mask's last bit is set.")
	n, eob := w.GP64(), w.slotClass()
	w.POPCNTQ(w.mask, n)
	w.LEAQ(operand.Mem{Base: w.dst, Index: n, Scale: 2, Disp: 2}, w.dst)
	w.SHLL(operand.U8(14), eob.As32())
	w.MOVW(eob.As16(), gen.At(w.dst, 0))
	w.SHRQ(operand.U8(63), w.mask)
	w.XORQ(operand.I8(1), w.mask)
	w.LEAQ(operand.Mem{Base: w.dst, Index: w.mask, Scale: 2}, w.dst)
}
