package huff

import "math/bits"

// Order says where the coefficients of a block are, with what follows from it for kernels. It is immutable.
type Order struct {
	// at[k] is the place of the coefficient of zig-zag index k; at[64], where a mask that is used up leads, is any.
	at [65]uint8
	_  [31]uint8

	// shuffles[h][u] takes those of zig-zag indices 16*h..16*h+15 from places 8*u..8*u+7, which both halves of a vector
	// have, and leaves zeros for others.
	shuffles [4][8][32]uint8

	// packs[m] is, for a mask m of eight coefficients, a shuffle that brings those that have a bit in m side by side, and how many
	// have none before each of them, of these eight and for the first of them less 1, times runStep. Both are in one cache line.
	packs [256]struct {
		shuffle [16]uint8
		runs    [8]uint16
	}

	// gaps[i] is (i+1)*runStep, for the first of eight: where the index before these is i+1 less than theirs.
	gaps [64]uint32
}

// quarterColumns has, for each quarter of the zig-zag indices, a bit for each column of a block that it passes through.
var quarterColumns = [4]uint8{0b0011_1111, 0xFF, 0xFF, 0b1111_1100}

// NewOrder returns the Order in which the coefficient of zig-zag index k is at places[k], 0..63, and the DC coefficient at 0.
// Column u of a block is at places 8*u..8*u+7, in any order: it panics where a coefficient is in a column that its quarter of
// the indices does not pass through.
func NewOrder(places *[64]uint8) *Order {
	const none = 0x80 // for a shuffle of bytes: zero
	o := new(Order)
	copy(o.at[:], places[:])
	for k, place := range places {
		half, word := k/16, k%16
		if quarterColumns[half]>>(place/8)&1 == 0 {
			panic("huff: a coefficient is not in its column")
		}
		for u := range o.shuffles[half] {
			s := &o.shuffles[half][u]
			s[2*word], s[2*word+1] = none, none
			if u == int(place/8) {
				s[2*word], s[2*word+1] = 2*(place%8), 2*(place%8)+1
			}
		}
	}
	for m := range o.packs {
		p := &o.packs[m]
		for i := range p.shuffle {
			p.shuffle[i] = none
		}
		next := 1
		for n, rest := 0, uint(m); rest != 0; n, rest = n+1, rest&(rest-1) {
			i := bits.TrailingZeros(rest)
			p.shuffle[2*n], p.shuffle[2*n+1] = uint8(2*i), uint8(2*i+1)
			p.runs[n] = uint16((i - next) * runStep)
			next = i + 1
		}
	}
	for i := range o.gaps {
		o.gaps[i] = uint32(uint16((i + 1) * runStep))
	}
	return o
}
