package huff

import "math/bits"

// Strip is what Flatten reads: the blocks of some MCUs that lie side by side.
type Strip struct {
	// Coefs are blocks of coefficients in zig-zag order, and Masks have bit k set where AC coefficient k is not zero; the others are not read.
	Coefs [][64]int16
	Masks []uint64

	// Slots are the blocks of one MCU in scan order, 1 to 6 of them.
	Slots []Slot

	// Pred is the DC coefficient before, one for each component: zero at the start of a segment.
	Pred [3]int32
}

// Slot is one block of the MCU: for MCU m it is block First + m*Step of the Strip.
type Slot struct {
	First, Step int
	Component   int // 0..2
	Class       Class
}

// flatten is the plain Go Kernels.Flatten.
func flatten(dst []Symbol, s *Strip, first, n int) int {
	out := 0
	for m := first; m < first+n; m++ {
		for i := range s.Slots {
			slot := &s.Slots[i]
			b := slot.First + m*slot.Step
			c := &s.Coefs[b]
			dc := int32(c[0])
			pred := &s.Pred[slot.Component]
			d := (*[maxBlockSymbols]Symbol)(dst[out:])
			d[0] = symDC | Symbol(slot.Class)<<dcClassShift | Symbol(dc-*pred)&dcMask
			*pred = dc
			out += flattenAC(d, c, s.Masks[b], Symbol(slot.Class))
		}
	}
	dst[out] = symNone
	return out + out&1
}

// flattenAC writes the symbols of a block's AC coefficients from d[1] and returns how many there are with d[0].
func flattenAC(d *[maxBlockSymbols]Symbol, c *[64]int16, mask uint64, class Symbol) int {
	base := uint(class) << acClassShift
	n := uint(1)
	prev := 0 // index of the last coefficient that was not zero, or 0
	for m := mask; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m) & 63
		v := int(c[k])
		run := k - prev - 1
		prev = k
		if uint(run) > 15 || uint(v+maxShort) > 2*maxShort {
			n = flattenRare(d, n, run, v, class)
			continue
		}
		d[n&(maxBlockSymbols-1)] = Symbol(base | uint(run)<<runShift | uint(v)&valueMask)
		n++
	}
	// EOB, unless the last coefficient is not zero.
	d[n&(maxBlockSymbols-1)] = Symbol(base)
	return int(n + 1 - uint(mask>>63))
}

// flattenRare writes the symbols of coefficient v after run zeros where they are more than one, and returns the new n.
func flattenRare(d *[maxBlockSymbols]Symbol, n uint, run, v int, class Symbol) uint {
	put := func(s Symbol) {
		d[n&(maxBlockSymbols-1)] = s
		n++
	}
	for ; run > 15; run -= 16 {
		put(class<<acClassShift | zrl)
	}
	if uint(v+maxShort) <= 2*maxShort {
		put(class<<acClassShift | Symbol(run)<<runShift | Symbol(v)&valueMask)
		return n
	}
	put(symAC10 | class<<4 | Symbol(run))
	_, low := magnitude(v)
	put(symRaw10 | Symbol(low)&valueMask)
	return n
}
