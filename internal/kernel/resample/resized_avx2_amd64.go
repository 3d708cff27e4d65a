//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

//go:noescape
func nearPlaneAVX2(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func farPlaneAVX2(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func nearPairsAVX2(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func farPairsAVX2(first, second *int16, src, table *byte, ahead, groups, bias int)

// resizeAVX2 is Resize where four neighboring samples are made of the same 16 bytes, or at least two. It returns nil for
// what shrinks more than 14-fold (pairs: 6-fold), and for rows of less than 16 bytes.
func resizeAVX2(z *Resize) *Resized {
	kernels := [...]struct{ near, far resizedKernel }{{nearPlaneAVX2, farPlaneAVX2}, {nearPairsAVX2, farPairsAVX2}}[z.Channels-1]
	n := len(z.Taps)
	r := &Resized{Level: impl.AVX2, bytes: z.Bytes, room: RoomFor(n), channels: z.Channels, bias: z.bias(), groups: (n + groupAVX2 - 1) / groupAVX2}
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
	size := (16*windows + 32 + 4*windows + 31) / 32 * 32 // of a group
	table := Aligned(groups * size)
	for g := range groups {
		group := table[g*size:][:size]
		for i := range 16 * windows {
			group[i] = 0x80 // a shuffle makes zeros, but for what follows
		}
		for w := range windows {
			if !z.putWindow(group, windows, w, g*groupAVX2) {
				return nil
			}
		}
	}
	return table
}

// putWindow puts window w of a group whose samples begin at first into its table; false when no 16 bytes hold what its
// samples are made of. Windows are for the lower and the upper half of the first register in turn, then for the second.
func (z *Resize) putWindow(group []byte, windows, w, first int) bool {
	weights := group[16*windows:]
	offsets := weights[32:]
	n, lane := groupAVX2/windows, 8/z.Channels // samples of a window, and of a half of a register
	at := w / 2 * n % lane                     // of the window's first, in its half
	sample := w%2*8 + w/2*n/lane*lane + at     // the same, in the group
	blends := make([]Blend, n)
	for i := range blends {
		blends[i] = z.Taps[min(first+sample+i, len(z.Taps)-1)].Blend(z.Bytes, z.Channels)
	}
	offset, found := Window(z.Bytes, 16, z.Channels, blends...)
	if !found {
		return false
	}
	binary.LittleEndian.PutUint32(offsets[4*w:], uint32(offset))
	for i, b := range blends {
		for k, o := range b.Offsets {
			weights[2*(sample+i)+k] = byte(b.Weights[k])
			for c := range z.Channels {
				group[16*w+c*8+2*(at+i)+k] = byte(o - offset + c)
			}
		}
	}
	return true
}
