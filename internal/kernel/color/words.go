package color

import "unsafe"

// words returns s as words of four samples, less the up to three that do not fill one. Kernels work on the four lanes of a word at a time;
// none of them minds which lane holds the first sample, so that they give the same on processors of either byte order. There are no
// words where s does not begin at a multiple of 8 bytes, since some processors could not read them.
func words(s []int16) []uint64 {
	p := unsafe.Pointer(unsafe.SliceData(s))
	if uintptr(p)%8 != 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(p), len(s)/4)
}

// pairsOf is words for words of two samples.
func pairsOf(s []int16) []uint32 {
	p := unsafe.Pointer(unsafe.SliceData(s))
	if uintptr(p)%4 != 0 {
		return nil
	}
	return unsafe.Slice((*uint32)(p), len(s)/2)
}

// Two lanes of 32 bits in a word hold every other sample of four, so that there is room for products.
const (
	evenLanes = 0x0000FFFF_0000FFFF   // samples 0 and 2 of a word; of the word shifted right by 16, samples 1 and 3
	ones      = 1<<32 | 1             // 1 in either lane
	rounded   = 1 << 14 * ones        // added to a product, makes its floor at bit 15 a rounding
	whole     = 0xFFFF8000_FFFF8000   // what is left of a product when the 15 bits below are dropped
	each      = 0x0001_0001_0001_0001 // 1 in each of four lanes of 16 bits
	signs     = 0x8000_8000_8000_8000 // their sign bits; exclusive-or turns four samples, each 32768 too large, into signed ones
)
