package main

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func neon(n *gen.NEON) {
	flattenNEON(n)
	writeNEON(n)
	stuffNEON(n)
}

// flattenNEON lists coefficients one after the other: the mask is turned round, so that CLZ finds the next one. Where one
// was large, it lists them once more.
func flattenNEON(n *gen.NEON) {
	doc := strings.ReplaceAll(fmt.Sprintf(flattenDoc, "NEON"), "\n", "\n\t// ")
	n.Text(fmt.Sprintf(`
// func flattenNEON(dst *uint16, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32, slots, slot, lastSlot *Slot, mcu, blocks int) (n int)
TEXT ·flattenNEON(SB), NOSPLIT, $0-88%s
	// Registers: R0 dst, R1 coefs, R2 masks, R3 order, R4 pred, R5 slots, R6 slot, R7 lastSlot, R8 mcu, R9 blocks,
	// R10 coefficients of the block, R11 mask of the block, R12 the rest of it, reversed, R13 the next symbol, R14 class,
	// R15 1 - 16*class, R19 the index before + R15, R20 all squares, or-ed, R21 1 in the highest bit, R26 runStep
	LDP dst+0(FP), (R0, R1)
	LDP masks+16(FP), (R2, R3)
	LDP pred+32(FP), (R4, R5)
	LDP slot+48(FP), (R6, R7)
	LDP mcu+64(FP), (R8, R9)
	MOVD $(1<<63), R21
	MOVD $%d, R26

next:
	// Block First + mcu*Step.
	LDP %d(R6), (R22, R23)
	MADD R8, R22, R23, R22
	MOVD (R2)(R22<<3), R11
	ADD R22<<7, R1, R10
	MOVBU %d(R6), R14
	ADD $2, R0, R13
	CBZ R11, noAC

	// Runs of more than 15 zeros: the 16th of them, the 32nd and the 48th are added to the mask, below its last bit, each
	// as a coefficient of 0 after 15, which is a ZRL. A bit smeared over the 15 above it leaves the 16th for one.
	LSR $17, R11, R22
	CBZ R22, shortRuns
	ORR $1, R11, R23
	ORR R23<<1, R23, R22
	ORR R22<<2, R22, R22
	ORR R22<<4, R22, R22
	ORR R22<<8, R22, R22
	LSL $16, R23, R23
	BIC R22, R23, R23
	LSL $16, R23, R24
	BIC R22, R24, R24
	ORR R24, R23, R23
	LSL $16, R24, R24
	BIC R22, R24, R24
	ORR R24, R23, R23
	CLZ R11, R24
	LSR R24, R21, R24
	SUB $1, R24, R24
	AND R24, R23, R23
	ORR R23, R11, R11
shortRuns:

	// AC: Symbol(class*acClassStep + run*runStep + uint(v)), where run is k - prev - 1.
	RBIT R11, R12
	MOVD $1, R15
	SUB R14<<4, R15, R15
	MOVD R15, R19
	MOVD ZR, R20
coefficient:
	CLZ R12, R22
	LSR R22, R21, R23
	BIC R23, R12, R12
	MOVBU (R3)(R22), R23
	MOVH (R10)(R23<<1), R23
	MUL R23, R23, R24
	ORR R24, R20, R20
	SUB R19, R22, R24
	MADD R26, R23, R24, R23
	MOVH.P R23, 2(R13)
	ADD R15, R22, R19
	CBNZ R12, coefficient
	LSR $18, R20, R20 // 512 is 1<<9
	CBNZ R20, large
noAC:
	// DC: symDC | class<<dcClassShift | (c[0]-pred)&dcMask, and symEmpty if there are no AC coefficients.
	MOVH (R10), R22
	MOVD %d(R6), R23
	MOVW (R4)(R23<<2), R24
	MOVW R22, (R4)(R23<<2)
	SUB R24, R22, R22
	AND $0xFFF, R22, R22
	ORR R14<<12, R22, R22
	ORR $0x%x, R22, R22
	CMP $0, R11
	CSET EQ, R23
	ORR R23<<%d, R22, R22
	MOVH R22, (R0)

	// EOB, which counts if there are AC coefficients and the last one is zero.
	MUL R14, R26, R22
	LSL $4, R22, R22
	MOVH.P R22, 2(R13)
	CSET LE, R22
	SUB R22<<1, R13, R0

	// The next slot, or the first of the next MCU.
	CMP R6, R7
	ADD $%d, R6, R6
	BNE sameMCU
	MOVD R5, R6
	ADD $1, R8, R8
sameMCU:
	SUBS $1, R9, R9
	BNE next
	MOVD dst+0(FP), R22
	SUB R22, R0, R0
	LSR $1, R0, R0
	MOVD R0, n+80(FP)
	RET

large:
	// Once more, for values above 511. Two symbols are stored for each coefficient: symAC10 + class<<4 + run, and
	// symRaw10 | (v + v>>31)&1023. Where the value is short the first is another, and the second is overwritten.
	ADD $2, R0, R13
	RBIT R11, R12
	MOVD R15, R19
largeCoefficient:
	CLZ R12, R22
	LSR R22, R21, R23
	BIC R23, R12, R12
	MOVBU (R3)(R22), R23
	MOVH (R10)(R23<<1), R23
	SUB R19, R22, R24
	ADD R15, R22, R19
	MADD R26, R23, R24, R22
	ADD R23->63, R23, R25
	AND $1023, R25, R25
	ORR $0x%x, R25, R25
	ADD $%d, R23, R23
	CMP $%d, R23
	MOVD $0x%x, R23
	ADD R23, R24, R24
	CSEL HI, R24, R22, R22
	CSET HI, R23
	MOVH R22, (R13)
	MOVH R25, 2(R13)
	ADD R23<<1, R13, R13
	ADD $2, R13, R13
	CBNZ R12, largeCoefficient
	B noAC`, doc[:strings.LastIndex(doc, ".")+1], runStep, slotFirst, slotClass, slotComponent, symDC, bits.TrailingZeros(symEmpty), slotSize,
		symRaw10, maxShort, 2*maxShort, symAC10))
}

// writeNEON writes the kernel of Write. A shift looks at the 6 lowest bits of a register, which are where an entry of
// Codes, and a sum of entries, has its length.
func writeNEON(n *gen.NEON) {
	n.Text(fmt.Sprintf(`
// func writeNEON(dst *byte, syms *uint16, pairs int, codes *[1 << 16]uint32, p *Partial) (n int)
TEXT ·writeNEON(SB), NOSPLIT, $0-48
	// writeNEON is Kernels.Write for 2*pairs symbols, pairs > 0. It may write 8 bytes more than it counts.
	// 	for len(syms) > 0 {
	// 		a, b := uint64(c[syms[0]]), uint64(c[syms[1]])
	// 		acc = acc<<((a+b)&lengthMask) | a>>lengthBits<<(b&lengthMask) | b>>lengthBits
	// 		have += (a + b) & lengthMask
	// 		binary.BigEndian.PutUint64(dst, acc<<(64-have))
	// 		dst, have, syms = dst[have>>3:], have&7, syms[2:]
	// 	}
	// Registers: R0 dst, R1 syms, R2 pairs, R3 codes, R4 p, R5 acc, R6 have, above whose 6 bits is anything, R7 a, R8 b
	LDP dst+0(FP), (R0, R1)
	LDP pairs+16(FP), (R2, R3)
	MOVD p+32(FP), R4
	LDP (R4), (R5, R6)

pair:
	MOVHU 2(R1), R8
	MOVHU.P 4(R1), R7
	MOVWU (R3)(R8<<2), R8
	MOVWU (R3)(R7<<2), R7
	ADD R7, R8, R9
	LSR $%[1]d, R7, R7
	LSL R8, R7, R7
	ORR R8>>%[1]d, R7, R7
	LSL R9, R5, R5
	ORR R7, R5, R5
	ADD R9, R6, R6
	NEG R6, R10
	LSL R10, R5, R10
	REV R10, R10
	MOVD R10, (R0)
	UBFX $3, R6, $3, R10
	ADD R10, R0, R0
	AND $7, R6, R6
	SUBS $1, R2, R2
	BNE pair

	STP (R5, R6), (R4)
	MOVD dst+0(FP), R1
	SUB R1, R0, R0
	MOVD R0, n+40(FP)
	RET`, lengthBits))
}

// stuffNEON copies 16 bytes at a time, and takes back those behind a 0xFF.
func stuffNEON(n *gen.NEON) {
	n.Text(`
// func stuffNEON(dst, src *byte, length int) (n, left int)
TEXT ·stuffNEON(SB), NOSPLIT, $0-40
	// stuffNEON is Kernels.Stuff for length >= 16 bytes but the last left < 16.
	// 	for len(src) >= 16 {
	// 		i := bytes.IndexByte(src[:16], 0xFF)
	// 		copy(dst, src[:16])
	// 		if i < 0 {
	// 			dst, src = dst[16:], src[16:]
	// 		} else {
	// 			dst[i+1] = 0
	// 			dst, src = dst[i+2:], src[i+1:]
	// 		}
	// 	}
	// Registers: R0 dst, R1 src, R2 the last place in it that has 16 bytes, R3 4*i, V1 0xFF in each byte
	LDP dst+0(FP), (R0, R1)
	MOVD length+16(FP), R2
	SUB $16, R2, R2
	ADD R1, R2, R2`)
	ff := n.Pin(1)
	n.Set(ff, "VMOVI $255, V%d.B16")
	n.Flush()
	n.Text("\nvector:")
	bytes := n.Op("VLD1.P 16(R1), [V%d.B16]")
	n.Do("VST1.P [V%d.B16], 16(R0)", bytes)
	equal := n.Op("VCMEQ V%[2]d.B16, V%[1]d.B16, V%[3]d.B16", bytes, ff)
	n.Comment("Four bits of each byte.")
	n.Do("FMOVD F%d, R3", n.OpCode(0x0F0C8400, "SHRN V%[2]d.8B, V%[1]d.8H, #4", equal))
	n.Flush()
	n.Text(`	CBZ R3, none
	RBIT R3, R3
	CLZ R3, R3
	LSR $2, R3, R3
	SUB $15, R3, R3
	ADD R3, R1, R1
	ADD R3, R0, R0
	MOVB.P ZR, 1(R0)
none:
	CMP R2, R1
	BLS vector

	MOVD dst+0(FP), R3
	SUB R3, R0, R0
	ADD $16, R2, R2
	SUB R1, R2, R2
	STP (R0, R2), n+24(FP)
	RET`)
}
