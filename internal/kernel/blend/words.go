package blend

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

// Samples in words have 32768 added, so that no lane is below 0: they are 16384..65408. Two lanes of 32 bits hold every other sample of
// four, so that there is room for products.
const (
	each  = 0x0001_0001_0001_0001 // 1 in each of four lanes
	signs = 1 << 15 * each        // exclusive-or adds 32768, and takes it off again
	even  = 0x0000FFFF_0000FFFF   // samples 0 and 2 of a word; of the word shifted right by 16, samples 1 and 3
	pair  = 1<<32 | 1             // 1 in each of two lanes
)

// join returns the four samples of a line of a band from 13-bit values in two words of two lanes, each with 32768>>3 added.
func join(e, o uint64) uint64 {
	const low = (1<<13 - 1) * pair
	return ((e&low | o&low<<16) + (1<<15-1<<12)*each) ^ signs
}
