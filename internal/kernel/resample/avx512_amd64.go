//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		k := kernelsAVX2() // for what gains nothing, or has no kernel yet
		k.Widen = widenAVX512
		Implementations.Register(impl.AVX512, k)
	}
}

// What wideAVX512 makes at a time, of how many words, and the bytes of its tables for that.
const (
	groupAVX512  = 32
	windowAVX512 = 64
	tableAVX512  = 192
)

//go:noescape
func wideAVX512(dst, src *int16, table *byte, groups int)

// widenAVX512 is Widen where 32 neighboring samples are made of 64 neighboring words: for what shrinks to half at most. The rest
// is for AVX2.
func widenAVX512(z *Wide) *Widened {
	groups := (len(z.Taps) + groupAVX512 - 1) / groupAVX512
	table := Aligned(groups * tableAVX512)
	for g := range groups {
		if !z.putGroup(table[g*tableAVX512:][:tableAVX512], g*groupAVX512) {
			return widenAVX2(z)
		}
	}
	return &Widened{
		Level: impl.AVX512, wide: *z, room: RoomFor(len(z.Taps)), groups: groups, table: table, kernel: wideAVX512,
	}
}

// putGroup puts the samples that begin at first into their table; false when no window inside the row's room has all that they are
// made of.
func (z *Wide) putGroup(table []byte, first int) bool {
	tap := func(i int) Tap { return z.Taps[min(first+i, len(z.Taps)-1)] }
	begin := z.SourceRoom() - windowAVX512
	for i := range groupAVX512 {
		begin = min(begin, int(tap(i).Offset))
	}
	if begin < 0 {
		return false
	}
	binary.LittleEndian.PutUint32(table, uint32(2*begin))
	for i := range groupAVX512 {
		t := tap(i)
		place := int(t.Offset) - begin
		if place > windowAVX512-2 {
			return false
		}
		binary.LittleEndian.PutUint16(table[64+2*i:], uint16(place))
		binary.LittleEndian.PutUint16(table[128+2*i:], uint16(t.Weight))
	}
	return true
}
