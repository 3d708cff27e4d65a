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
	slotShort     = 25
	slotSize      = 32
)

// The tables of huff.Order beside the places, by their offsets.
const (
	orderShuffles = 96
	orderPacks    = 1120
	orderRuns     = 5216
)

// Of symbols: a DC difference, and what is added where that is all of the block.
const (
	symDC    = 0x8000
	symEmpty = 0x4000
)

// Of symbols: an AC coefficient of 10 bits, to which 16*class + run is added, those bits, and what needs none of it.
const (
	symAC10  = 0xA400
	symRaw10 = 0xA800
	maxShort = 511
)

// walker writes what the kernels of Flatten have in common: the way over the blocks of a strip in scan order, and all of
// a block but its AC coefficients. There is code for each class, so that what depends on it is constant.
type walker struct {
	*gen.Asm

	dst    reg.GPVirtual // the block's first symbol
	slot   reg.GPVirtual
	blocks reg.GPVirtual // left
	mcu    reg.GPVirtual
	masks  reg.GPVirtual
	pred   reg.GPVirtual

	block reg.GPVirtual // its coefficients
	mask  reg.GPVirtual

	recent reg.GPVirtual // bits of blocks of luma, the lowest for the last one: whether it has AC coefficients

	aside []func() // code that is seldom run, behind all other
}

// class is 0 for luma and 1 for chroma.
type class int

// label returns a label of the code for c.
func (c class) label(name string) operand.LabelRef {
	return operand.LabelRef([]string{"luma", "chroma"}[c] + name)
}

const (
	next    = operand.LabelRef("next")
	advance = operand.LabelRef("advance")
)

const flattenSignature = "(dst *uint16, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32, " +
	"slots, slot, lastSlot *Slot, mcu, blocks int) (n int)"

const flattenDoc = `
flatten%s lists the symbols of blocks > 0 blocks, those from slot of MCU mcu on, and returns their
number. dst has room for MaxSymbols(blocks).`

// begin loads what walk needs.
func begin(a *gen.Asm) *walker {
	w := &walker{Asm: a}
	w.dst, w.slot, w.blocks, w.mcu = a.Arg("dst"), a.Arg("slot"), a.Arg("blocks"), a.Arg("mcu")
	w.masks, w.pred = a.Arg("masks"), a.Arg("pred")
	w.recent = gen.Name(a, "which blocks of luma have AC coefficients", a.GP64())
	a.MOVL(operand.I32(-1), w.recent.As32())
	w.block = gen.Name(a, "coefficients of the block", a.GP64())
	w.mask = gen.Name(a, "mask of the block", a.GP64())
	return w
}

// walk writes the loop over blocks. ac lists the AC coefficients of a block of a class, from 2 bytes after dst on. It must do with a block of luma that has none: where some have and some have not, no branch foretells
// which, and a branch gone wrong costs more than to list nothing. Blocks of chroma are seldom anything but empty, and so
// are those of luma where alike of them were.
func (w *walker) walk(ac func(c class)) {
	const (
		luma, chroma = class(0), class(1)
		alike        = 3
	)
	w.Label(string(next))
	w.CMPB(gen.At(w.slot, slotClass), operand.U8(0))
	w.JNE(chroma.label(""))

	w.load()
	w.Comment("NEG carries if the mask is not 0.")
	negative := w.GP64()
	w.MOVQ(w.mask, negative)
	w.NEGQ(negative)
	w.ADCL(w.recent.As32(), w.recent.As32())
	w.TESTB(operand.U8(1<<alike-1), w.recent.As8())
	w.JEQ(luma.label("Empty"))
	ac(luma)
	w.dc(luma, unknown)
	w.endBlock(luma, unknown)

	w.Label(string(advance))
	w.Comment("The next slot, or the first of the next MCU.")
	w.CMPQ(w.slot, w.ArgAddr("lastSlot"))
	w.LEAQ(gen.At(w.slot, slotSize), w.slot)
	w.JNE(operand.LabelRef("sameMCU"))
	w.MOVQ(w.ArgAddr("slots"), w.slot)
	w.INCQ(w.mcu)
	w.Label("sameMCU")
	w.DECQ(w.blocks)
	w.JNZ(next)
	w.SUBQ(w.ArgAddr("dst"), w.dst)
	w.SHRQ(operand.U8(1), w.dst)
	w.Store(w.dst, w.Return("n"))
	w.End()

	w.Label(string(chroma.label("")))
	w.load()
	w.TESTQ(w.mask, w.mask)
	w.JNZ(chroma.label("AC"))
	w.dc(chroma, empty)
	w.ADDQ(operand.U8(2), w.dst)
	w.JMP(advance)

	w.Label(string(chroma.label("AC")))
	ac(chroma)
	w.dc(chroma, full)
	w.endBlock(chroma, full)
	w.JMP(advance)

	w.Label(string(luma.label("Empty")))
	w.dc(luma, empty)
	w.ADDQ(operand.U8(2), w.dst)
	w.JMP(advance)
	for _, write := range w.aside {
		write()
	}
}

// load finds the block and its mask.
func (w *walker) load() {
	w.Comment("Block First + mcu*Step.")
	w.MOVQ(gen.At(w.slot, slotStep), w.block)
	w.IMULQ(w.mcu, w.block)
	w.ADDQ(gen.At(w.slot, slotFirst), w.block)
	w.MOVQ(operand.Mem{Base: w.masks, Index: w.block, Scale: 8}, w.mask)
	w.SHLQ(operand.U8(7), w.block)
	w.ADDQ(w.ArgAddr("coefs"), w.block)
}

// emptiness is what is known of a block: whether it has no AC coefficients.
type emptiness int

const (
	full emptiness = iota
	empty
	unknown
)

// dc lists the DC difference.
//
//	d[0] = symDC | class<<dcClassShift | Symbol(int32(c[0])-pred)&dcMask
//	pred = int32(c[0])
//	if mask == 0 {
//		d[0] |= symEmpty
//	}
func (w *walker) dc(c class, e emptiness) {
	w.Comment("DC.")
	component, dc, old := w.GP64(), w.GP32(), w.GP32()
	w.MOVQ(gen.At(w.slot, slotComponent), component)
	w.MOVWLSX(gen.At(w.block, 0), dc)
	pred := operand.Mem{Base: w.pred, Index: component, Scale: 4}
	w.MOVL(pred, old)
	w.MOVL(dc, pred)
	w.SUBL(old, dc)
	w.ANDL(operand.U32(0xFFF), dc)
	symbol := uint32(symDC | c<<12)
	switch e {
	case empty:
		symbol |= symEmpty
	case unknown:
		bit := w.GP32()
		w.CMPQ(w.mask, operand.U8(1))
		w.SBBL(bit, bit) // -1 if the mask is 0
		w.ANDL(operand.U32(symEmpty), bit)
		w.ORL(bit, dc)
	}
	w.ORL(operand.U32(symbol), dc)
	w.MOVW(dc.As16(), gen.At(w.dst, 0))
}

// endBlock lists an EOB, which counts unless the last coefficient is not zero or there are none, and moves dst on.
func (w *walker) endBlock(c class, e emptiness) {
	w.Comment("EOB.")
	n, none := w.GP64(), w.mask
	w.POPCNTQ(w.mask, n)
	w.MOVW(operand.U16(c<<14), operand.Mem{Base: w.dst, Index: n, Scale: 2, Disp: 2})
	if e == unknown {
		none = w.GP64()
		w.LEAQ(gen.At(w.mask, -1), none)
		w.ORQ(w.mask, none)
	}
	w.SARQ(operand.U8(63), none)
	w.ADDQ(none, n)
	w.LEAQ(operand.Mem{Base: w.dst, Index: n, Scale: 2, Disp: 4}, w.dst)
}

// endLarge is endBlock for a block with more than one symbol for some coefficients, the last of them at last.
func (w *walker) endLarge(c class, last reg.GPVirtual) {
	w.Comment("EOB.")
	w.MOVW(operand.U16(c<<14), gen.At(last, 2))
	w.SARQ(operand.U8(63), w.mask)
	w.LEAQ(operand.Mem{Base: last, Index: w.mask, Scale: 2, Disp: 4}, w.dst)
}

// run0 is the shortest mask in which a run may be longer than maxRun.
const run0 = 1 << 17

// rare jumps to label if the block may have a coefficient that is not one symbol.
func (w *walker) rare(label operand.LabelRef) {
	w.CMPQ(w.mask, operand.U32(run0))
	w.JCC(label)
	w.notShort(label)
}

// longRuns adds to the mask each coefficient that is the 16th zero of a run, or the 32nd, or the 48th: its value is 0, and
// 15 zeros before it, so that its symbol is ZRL. A bit of the mask smeared over the 15 above it leaves the 16th for one.
func (w *walker) longRuns() {
	w.Comment("Runs of more than 15 zeros.")
	start, near, shifted, zrl := w.GP64(), w.GP64(), w.GP64(), w.GP64()
	w.MOVQ(w.mask, start)
	w.ORQ(operand.U8(1), start)
	w.MOVQ(start, near)
	for _, n := range []uint8{1, 2, 4, 8} {
		w.MOVQ(near, shifted)
		w.SHLQ(operand.U8(n), shifted)
		w.ORQ(shifted, near)
	}
	w.XORL(zrl.As32(), zrl.As32())
	for range 3 {
		w.SHLQ(operand.U8(16), start)
		w.ANDNQ(start, near, start)
		w.ORQ(start, zrl)
	}
	w.Comment("Not behind the last coefficient.")
	last := shifted
	w.MOVQ(w.mask, last)
	w.ORQ(operand.U8(1), last)
	w.BSRQ(last, last)
	w.BZHIQ(last, zrl, zrl)
	w.ORQ(zrl, w.mask)
}

// notShort jumps to label if the block may have values above MaxShort.
func (w *walker) notShort(label operand.LabelRef) {
	w.CMPB(gen.At(w.slot, slotShort), operand.U8(0))
	w.JEQ(label)
}
