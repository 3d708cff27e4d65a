//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

//go:noescape
func nearWideAVX2(dst, src *int16, table *byte, groups int)

//go:noescape
func farWideAVX2(dst, src *int16, table *byte, groups int)

// widenAVX2 is Widen where four neighboring samples are made of the same 8 words, or at least two: for what shrinks 6-fold
// at most.
func widenAVX2(z *Wide) *Widened {
	w := &Widened{Level: impl.AVX2, wide: *z, room: RoomFor(len(z.Taps)), groups: (len(z.Taps) + groupAVX2 - 1) / groupAVX2}
	if w.table = z.tableAVX2(w.groups, 4); w.table != nil {
		w.kernel = nearWideAVX2
		return w
	}
	if w.table = z.tableAVX2(w.groups, 8); w.table != nil {
		w.kernel = farWideAVX2
		return w
	}
	return widenPlainly(z)
}

// tableAVX2 returns groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Wide) tableAVX2(groups, windows int) []byte {
	size := 96 + 16*windows // of a group
	table := Aligned(groups * size)
	for g := range groups {
		group := table[g*size:][:size]
		for i := range group[96:] {
			group[96+i] = 0x80 // a shuffle makes zeros, but for what follows
		}
		for i := range groupAVX2 {
			if !z.putSample(group, windows, g*groupAVX2, i) {
				return nil
			}
		}
	}
	return table
}

// putSample puts sample i of a group whose samples begin at first into its table; false when the window does not hold it
// that begins with the first of those that share it.
func (z *Wide) putSample(group []byte, windows, first, i int) bool {
	share := groupAVX2 / windows
	tap := func(i int) Tap { return z.Taps[min(first+i, len(z.Taps)-1)] }
	t, begin := tap(i), int(tap(i-i%share).Offset)
	place := int(t.Offset) - begin
	if place < 0 || place > window-2 {
		return false
	}
	half, register := i/8, i%8/4           // where the sample is made
	part := register*windows/4 + i%4/share // what is loaded for that, of all
	binary.LittleEndian.PutUint32(group[8*part+4*half:], uint32(2*begin))
	weights := group[32+32*register+16*half+i%4*4:]
	binary.LittleEndian.PutUint16(weights, uint16(-int16(t.Weight)))
	binary.LittleEndian.PutUint16(weights[2:], uint16(t.Weight))
	for k := range 4 {
		group[96+32*part+16*half+i%4*4+k] = byte(2*place + k)
	}
	return true
}
