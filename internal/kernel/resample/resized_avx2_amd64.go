//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

//go:noescape
func nearPlaneAVX2(first, second *int16, src, table *byte, groups int)

//go:noescape
func farPlaneAVX2(first, second *int16, src, table *byte, groups int)

//go:noescape
func nearPairsAVX2(first, second *int16, src, table *byte, groups int)

//go:noescape
func farPairsAVX2(first, second *int16, src, table *byte, groups int)

// resizeAVX2 is Resize where four neighbouring samples are made of the same 16 bytes, or at least two. It returns nil for
// what shrinks more than 14-fold (pairs: 6-fold), and for rows of less than 16 bytes.
func resizeAVX2(z *Resize) *Resized {
	kernels := [...]struct{ near, far resizedKernel }{{nearPlaneAVX2, farPlaneAVX2}, {nearPairsAVX2, farPairsAVX2}}[z.Channels-1]
	r := &Resized{Level: impl.AVX2, bytes: z.Bytes, room: RoomFor(len(z.Taps)), channels: z.Channels, groups: (len(z.Taps) + groupAVX2 - 1) / groupAVX2}
	if r.table = z.tableAVX2(r.groups, 4); r.table != nil {
		r.kernel = kernels.near
		return r
	}
	if r.table = z.tableAVX2(r.groups, 8); r.table != nil {
		r.kernel = kernels.far
		return r
	}
	return nil
}

// tableAVX2 returns groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Resize) tableAVX2(groups, windows int) []byte {
	size := map[int]int{4: 128, 8: 192}[windows] // of a group
	shuffles := 16 * windows                     // where they end
	table := Aligned(groups * size)
	for g := range groups {
		group := table[g*size:][:size]
		for i := range shuffles {
			group[i] = 0x80 // a zero
		}
		lane := 8 / z.Channels // samples in a half of a register
		n := 16 / windows      // samples of a window
		for w := range windows {
			// Windows come as their halves of a register do: those of the lower and the upper half of the first register
			// in turn, then those of the second.
			part, half := w/2*n, w%2
			register, at := part/lane, part%lane
			first := half*8 + register*lane + at
			blends := make([]Blend, n)
			for i := range blends {
				blends[i] = z.Taps[min(g*16+first+i, len(z.Taps)-1)].Blend(z.Bytes, z.Channels)
			}
			offset, found := Window(z.Bytes, 16, z.Channels, blends...)
			if !found {
				return nil
			}
			binary.LittleEndian.PutUint32(group[shuffles+32+4*w:], uint32(offset))
			for i, b := range blends {
				for k, o := range b.Offsets {
					for c := range z.Channels {
						group[16*w+c*8+2*(at+i)+k] = byte(o - offset + c)
					}
					group[shuffles+2*(first+i)+k] = byte(b.Weights[k])
				}
			}
		}
	}
	return table
}
