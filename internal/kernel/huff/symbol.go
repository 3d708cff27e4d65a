package huff

// Symbol is an index of Codes. The ranges:
//
//	0x0000 + (16*class + run)*1040 + value      AC coefficient of -511..511 after run zeros, modulo 1<<16: negative
//	                                            ones are before 0, and take the place of positive ones above 511;
//	                                            value 0 is EOB with run 0, ZRL with run 15
//	0x8000 + class<<12 + diff&4095              DC difference, -2047..2047
//	0xC000 + class<<12 + diff&4095              DC difference and EOB of a block without AC coefficients
//	0xA000                                      nothing, which makes a list even
//	0xA400 + class<<4 + run                     AC coefficient of 10 bits after run zeros, whose value is the next symbol
//	0xA800 + bits                               10 bits as they are
type Symbol = uint16

// Class says which of the two sets of Huffman tables a block uses.
type Class uint8

// The classes.
const (
	Luma Class = iota
	Chroma
)

// MaxShort is the largest AC value with a symbol of its own.
const MaxShort = 511

const (
	symDC    = 0x8000
	symEmpty = 0x4000 // with symDC: EOB follows
	symNone  = 0xA000
	symAC10  = 0xA400
	symRaw10 = 0xA800

	maxRun = 15 // longest run with a symbol of its own

	// runStep is no power of two: with 1024 the codes of all runs' small values, those that are looked up again and again, are in two
	// of the 64 sets of a first-level cache, which holds 8 or 12 lines of each. Values of -511..511 have room.
	runStep     = 1040
	acClassStep = (maxRun + 1) * runStep
	zrl         = maxRun * runStep

	dcClassShift = 12
	dcMask       = 1<<dcClassShift - 1
)

// Codes holds the code of each Symbol.
type Codes struct {
	// right has its bits from bit lengthBits up, the first of them the highest, and below them their number, at most 25. Those
	// are the 6 bits that a shift of 64 bits looks at.
	right [1 << 16]uint32

	// left has the first of the bits in bit 63, and their number in the lowest leftLengthBits.
	left [1 << 16]uint64
}

const (
	lengthBits = 6
	lengthMask = 1<<lengthBits - 1

	leftLengthBits = 7 // room for the sum of four
)
