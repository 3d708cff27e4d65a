//go:build !purego && (amd64 || arm64)

package huff

// assembly is the functions of one level in assembly.
type assembly struct {
	// flatten lists the symbols of blocks > 0 blocks, those from slot of MCU mcu on, and returns how many there are. dst has
	// room for MaxSymbols(blocks).
	flatten func(dst *Symbol, coefs *[64]int16, masks *uint64, order *Order, pred *[3]int32,
		slots, slot, lastSlot *Slot, mcu, blocks int) (n int)

	// write packs the codes of 2*pairs symbols, pairs > 0, as Kernels.Write does.
	write func(dst *byte, syms *Symbol, pairs int, codes *Codes, p *Partial) (n int)
}

// flattenBlocks is Kernels.Flatten.
func (a *assembly) flattenBlocks(dst []Symbol, s *Strip, first, n int) int {
	slots, blocks := s.Slots, n*len(s.Slots)
	s.check(first, n)
	_ = dst[MaxSymbols(blocks)-1]
	out := a.flatten(&dst[0], &s.Coefs[0], &s.Masks[0], s.Order, &s.Pred, &slots[0], &slots[0], &slots[len(slots)-1], first, blocks)
	dst[out] = symNone
	return out + out&1
}

// check panics where MCUs first..first+n-1 are not in s.
func (s *Strip) check(first, n int) {
	for i := range s.Slots {
		slot := &s.Slots[i]
		_ = s.Pred[slot.Component]
		for _, b := range [2]int{slot.First + first*slot.Step, slot.First + (first+n-1)*slot.Step} {
			_, _ = s.Coefs[b], s.Masks[b]
		}
	}
}

// writePairs is Kernels.Write. Where dst has no room for the longest codes that so many symbols could have, it takes as
// many as surely fit, then those that fit what these have left, and the last few in plain Go. Codes are long where their mean is: those of
// a strip are much like those of the one before.
func (a *assembly) writePairs(dst []byte, syms []Symbol, c *Codes, p *Partial) int {
	const pairBits, partialBits, longBits = 50, 7, 5
	n := 0
	for len(syms) >= 2 {
		pairs := min(len(syms)/2, (8*(len(dst)-n-WriteSlack)-partialBits)/pairBits)
		if pairs <= 0 {
			break
		}
		size := a.write(&dst[n], &syms[0], pairs, c, p)
		p.long = 8*size > longBits*2*pairs
		n += size
		syms = syms[2*pairs:]
	}
	return n + write(dst[n:], syms, c, p)
}
