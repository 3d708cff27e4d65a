package huff

import "math/bits"

// Strip is what Flatten reads: the blocks of some MCUs that lie side by side.
type Strip struct {
	// Coefs are blocks of coefficients, in Order. Masks have bit k set where the AC coefficient of zig-zag index k is not
	// zero, and bit 0 clear.
	Coefs [][64]int16
	Masks []uint64
	Order *Order

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

	// Short says that no AC coefficient is outside -MaxShort..MaxShort, so that it need not be looked for.
	Short bool
}

// flatten is the plain Go Kernels.Flatten.
func flatten(dst []Symbol, s *Strip, first, n int) int {
	out := 0
	for m := first; m < first+n; m++ {
		for i := range s.Slots {
			out += s.flattenBlock(dst[out:], &s.Slots[i], m)
		}
	}
	dst[out] = symNone
	return out + out&1
}

// flattenBlock writes the symbols of the block that slot has in MCU m, and returns how many there are.
func (s *Strip) flattenBlock(dst []Symbol, slot *Slot, m int) int {
	b := slot.First + m*slot.Step
	c, mask := &s.Coefs[b], s.Masks[b]
	d := (*[maxBlockSymbols]Symbol)(dst)
	d[0] = s.flattenDC(int32(c[0]), slot)
	if mask == 0 {
		d[0] |= symEmpty
		return 1
	}
	base := uint(slot.Class) * acClassStep
	n := uint(1)
	prev := 0 // index of the last coefficient that was not zero
	for m := mask; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		run := uint(k - prev - 1)
		prev = k // the same register, or BSF, which waits for the last value of its destination, waits for a load
		v := int(c[s.Order.at[prev&63]&63])
		if run > maxRun || uint(v+MaxShort) > 2*MaxShort {
			return s.flattenAny(d, slot, b)
		}
		d[n%maxBlockSymbols] = Symbol(base + run*runStep + uint(v))
		n++
	}
	// EOB, unless the last coefficient is not zero.
	d[n%maxBlockSymbols] = Symbol(base)
	return int(n + 1 - uint(mask>>63))
}

// flattenDC returns the symbol of the DC coefficient dc, whose component it remembers it for.
func (s *Strip) flattenDC(dc int32, slot *Slot) Symbol {
	pred := &s.Pred[slot.Component]
	diff := dc - *pred
	*pred = dc
	return symDC | Symbol(slot.Class)<<dcClassShift | Symbol(diff)&dcMask
}

// flattenAny is the rest of flattenBlock, behind the DC coefficient of block b, if there are long runs or large values,
// whose symbols are more than one.
func (s *Strip) flattenAny(d *[maxBlockSymbols]Symbol, slot *Slot, b int) int {
	c, mask := &s.Coefs[b], s.Masks[b]
	base := uint(slot.Class) * acClassStep
	n := uint(1)
	prev := 0
	for m := mask; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		run := uint(k - prev - 1)
		prev = k
		for ; run > maxRun; run -= maxRun + 1 {
			d[n%maxBlockSymbols] = Symbol(base + zrl)
			n++
		}
		v := int(c[s.Order.at[prev&63]&63])
		if uint(v+MaxShort) <= 2*MaxShort {
			d[n%maxBlockSymbols] = Symbol(base + run*runStep + uint(v))
			n++
			continue
		}
		_, low := magnitude(v) // of 10 bits
		d[n%maxBlockSymbols] = symAC10 | Symbol(slot.Class)<<4 | Symbol(run)
		d[(n+1)%maxBlockSymbols] = symRaw10 | Symbol(low)
		n += 2
	}
	d[n%maxBlockSymbols] = Symbol(base)
	return int(n + 1 - uint(mask>>63))
}
