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
	orderRuns     = orderPacks + 16
	orderGaps     = 9312
)

// Of symbols: a DC difference, and what is added where that is all of the block.
const (
	symDC    = 0x8000
	symEmpty = 0x4000
)

// Of symbols: what each zero before an AC coefficient adds, and the class.
const (
	runStep     = 1040
	acClassStep = 16 * runStep
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
	blocks reg.GPVirtual // left; where ahead, in memory
	mcu    reg.GPVirtual
	masks  reg.GPVirtual // where ahead, in memory
	pred   reg.GPVirtual

	block reg.GPVirtual // its coefficients
	mask  reg.GPVirtual

	ahead               bool
	nextBlock, nextMask reg.GPVirtual
	nextSlot            operand.Mem

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

// begin loads what walk needs. ahead says that the next block and its mask are loaded before a block is listed: where a branch on
// a mask goes wrong, that is found out sooner.
func begin(a *gen.Asm, ahead bool) *walker {
	w := &walker{Asm: a, ahead: ahead}
	w.dst, w.slot = a.Arg("dst"), a.Arg("slot")
	if !ahead {
		w.blocks = a.Arg("blocks")
	}
	w.mcu = a.Arg("mcu")
	if !ahead {
		w.masks = a.Arg("masks")
	}
	w.pred = a.Arg("pred")
	w.recent = gen.Name(a, "which blocks of luma have AC coefficients", a.GP64())
	a.MOVL(operand.I32(-1), w.recent.As32())
	w.block = gen.Name(a, "coefficients of the block", a.GP64())
	w.mask = gen.Name(a, "mask of the block", a.GP64())
	if ahead {
		w.nextBlock = gen.Name(a, "coefficients of the next block", a.GP64())
		w.nextMask = gen.Name(a, "mask of the next block", a.GP64())
		w.nextSlot = a.AllocLocal(8)
	}
	return w
}

// walk writes the loop over blocks. ac lists the AC coefficients of a block of a class, from 2 bytes after dst on. It must do with
// a block that has none: where some have and some have not, no branch foretells which, and a branch gone wrong costs more than to
// list nothing. Blocks are seldom anything but empty where alike of their class were.
func (w *walker) walk(ac func(c class)) {
	const (
		luma, chroma = class(0), class(1)
		alike        = 3
	)
	recentChroma := w.AllocLocal(8)
	w.MOVL(operand.U32(0), recentChroma)
	if w.ahead {
		w.load(w.slot, w.nextBlock, w.nextMask)
	}
	w.Label(string(next))
	if w.ahead {
		w.MOVQ(w.nextBlock, w.block)
		w.MOVQ(w.nextMask, w.mask)
		w.CMPQ(w.ArgAddr("blocks"), operand.U8(1))
		w.JEQ(operand.LabelRef("last"))
		slot := w.GP64()
		w.toNext(slot)
		w.MOVQ(slot, w.nextSlot)
		w.load(slot, w.nextBlock, w.nextMask)
		w.Label("last")
	}
	w.CMPB(gen.At(w.slot, slotClass), operand.U8(0))
	w.JNE(chroma.label(""))

	block := func(c class) {
		if !w.ahead {
			w.load(w.slot, w.block, w.mask)
		}
		w.Comment("NEG carries if the mask is not 0.")
		recent, negative := w.recent, w.GP64()
		w.MOVQ(w.mask, negative)
		w.NEGQ(negative)
		if c == chroma {
			recent = negative
			w.MOVL(recentChroma, recent.As32())
		}
		w.ADCL(recent.As32(), recent.As32())
		if c == chroma {
			w.MOVL(recent.As32(), recentChroma)
		}
		w.TESTB(operand.U8(1<<alike-1), recent.As8())
		w.JEQ(c.label("Empty"))
		ac(c)
		w.dc(c, unknown)
		w.endBlock(c, unknown)
	}
	block(luma)

	w.Label(string(advance))
	if w.ahead {
		w.MOVQ(w.nextSlot, w.slot)
		w.DECQ(w.ArgAddr("blocks"))
	} else {
		w.toNext(w.slot)
		w.DECQ(w.blocks)
	}
	w.JNZ(next)
	w.SUBQ(w.ArgAddr("dst"), w.dst)
	w.SHRQ(operand.U8(1), w.dst)
	w.Store(w.dst, w.Return("n"))
	w.End()

	w.Label(string(chroma.label("")))
	block(chroma)
	w.JMP(advance)

	for _, c := range []class{luma, chroma} {
		w.Label(string(c.label("Empty")))
		w.dc(c, empty)
		w.ADDQ(operand.U8(2), w.dst)
		w.JMP(advance)
	}
	for _, write := range w.aside {
		write()
	}
}

// toNext sets next to the slot behind w.slot, or the first of the next MCU.
func (w *walker) toNext(next reg.GPVirtual) {
	w.Comment("The next slot, or the first of the next MCU.")
	w.CMPQ(w.slot, w.ArgAddr("lastSlot"))
	w.LEAQ(gen.At(w.slot, slotSize), next)
	w.JNE(operand.LabelRef("sameMCU"))
	w.MOVQ(w.ArgAddr("slots"), next)
	w.INCQ(w.mcu)
	w.Label("sameMCU")
}

// load finds the block of a slot and its mask.
func (w *walker) load(slot, block, mask reg.GPVirtual) {
	w.Comment("Block First + mcu*Step.")
	w.MOVQ(gen.At(slot, slotStep), block)
	w.IMULQ(w.mcu, block)
	w.ADDQ(gen.At(slot, slotFirst), block)
	masks := w.masks
	if w.ahead {
		masks = mask
		w.MOVQ(w.ArgAddr("masks"), masks)
	}
	w.MOVQ(operand.Mem{Base: masks, Index: block, Scale: 8}, mask)
	w.SHLQ(operand.U8(7), block)
	w.ADDQ(w.ArgAddr("coefs"), block)
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
	w.MOVW(operand.U16(c*acClassStep), operand.Mem{Base: w.dst, Index: n, Scale: 2, Disp: 2})
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
	w.MOVW(operand.U16(c*acClassStep), gen.At(last, 2))
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

// longRuns adds to the mask each coefficient that is the 16th zero of a run, or the 32nd, or the 48th: its value
// is 0, and 15 zeros before it, so that its symbol is ZRL. There are at most so many.
func (w *walker) longRuns(most int) {
	w.Comment("Runs of more than 15 zeros: the indices that 15 zeros are before. What is turned round ends at the DC.")
	zeros, turned, zrl, last := w.GP64(), w.GP64(), w.GP64(), w.GP64()
	w.MOVQ(w.mask, zeros)
	w.NOTQ(zeros)
	w.DECQ(zeros)
	for _, n := range []uint8{1, 2, 4, 8} {
		w.RORXQ(operand.U8(64-n), zeros, turned)
		w.ANDQ(turned, zeros)
	}
	none := w.NewLabel("noLongRuns")
	if most > 1 {
		w.JZ(none)
	}
	w.Comment("The first of each run, and those that lie 16 and 32 behind it.")
	w.LEAQ(operand.Mem{Base: zeros, Index: zeros, Scale: 1}, turned)
	w.ANDNQ(zeros, turned, zrl)
	for i := range most - 1 {
		if i == 0 {
			w.MOVQ(zrl, turned)
		}
		w.RORXQ(operand.U8(48), turned, turned)
		w.ANDQ(zeros, turned)
		w.ORQ(turned, zrl)
	}
	w.Comment("Not behind the last coefficient.")
	w.LEAQ(gen.At(w.mask, 1), last)
	w.LZCNTQ(last, last)
	w.XORL(operand.U8(63), last.As32())
	w.BZHIQ(last, zrl, zrl)
	w.ORQ(zrl, w.mask)
	if most > 1 {
		w.Label(string(none))
	}
}

// notShort jumps to label if the block may have values above MaxShort.
func (w *walker) notShort(label operand.LabelRef) {
	w.CMPB(gen.At(w.slot, slotShort), operand.U8(0))
	w.JEQ(label)
}
