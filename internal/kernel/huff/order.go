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

	// packs[m] brings those of eight coefficients that have a bit in m side by side, and runs[m] is how many have none
	// before each of them, of these eight, times 1<<runShift.
	packs [256][16]uint8
	runs  [256][8]uint16
}

// NewOrder returns the Order in which the coefficient of zig-zag index k is at places[k], 0..63, and the DC coefficient at 0.
func NewOrder(places *[64]uint8) *Order {
	const none = 0x80 // for a shuffle of bytes: zero
	o := new(Order)
	copy(o.at[:], places[:])
	for k, place := range places {
		half, word := k/16, k%16
		for u := range o.shuffles[half] {
			s := &o.shuffles[half][u]
			s[2*word], s[2*word+1] = none, none
			if u == int(place/8) {
				s[2*word], s[2*word+1] = 2*(place%8), 2*(place%8)+1
			}
		}
	}
	for m := range o.packs {
		for i := range o.packs[m] {
			o.packs[m][i] = none
		}
		next := 0
		for n, rest := 0, uint(m); rest != 0; n, rest = n+1, rest&(rest-1) {
			i := bits.TrailingZeros(rest)
			o.packs[m][2*n], o.packs[m][2*n+1] = uint8(2*i), uint8(2*i+1)
			o.runs[m][n] = uint16(i-next) << runShift
			next = i + 1
		}
	}
	return o
}
