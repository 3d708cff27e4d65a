package color

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// Planes are the rows that a row of pixels becomes.
type Planes uint8

// The planes.
const (
	ToRGB     Planes = iota // R, G, B
	ToYCC                   // what YCC makes
	ToYCCHalf               // what YCCHalf makes
	ToLuma                  // what Luma makes, in the first plane
)

// Resize is a horizontal resize of rows of 8-bit pixels and a conversion of what comes of it: resample's Packed, and
// then YCC, YCCHalf, Luma or nothing.
type Resize struct {
	Taps  []resample.Tap // one or more
	Bytes int            // of an input row, Step for each pixel
	Packed
	To Planes
}

// Resized does a Resize in one pass over the row, by tables made for it. It is immutable.
type Resized struct {
	Level impl.Level // of the kernel; may be lower than the limit

	bytes  int
	room   [3]int // samples that the planes of a row have room for
	groups int
	table  []byte // of each group: which bytes to load, where to put them, their weights
	kernel resizedKernel
}

type resizedKernel func(first, second, third *int16, src, table *byte, ahead, groups int)

// Row resizes and converts the pixels of src, of Resize.Bytes bytes, to dst. The capacity of a row of dst is
// resample.RoomFor its length: whole vectors are written, also beyond its length. It prefetches the pixels that lie
// ahead bytes behind those of src; 0: none.
func (r *Resized) Row(dst *[3][]int16, src []byte, ahead int) {
	_ = src[r.bytes-1]
	first, second, third := dst[0], dst[1], dst[2]
	if cap(first) < r.room[0] || cap(second) < r.room[1] || cap(third) < r.room[2] {
		panic("color: a row of dst has no room")
	}
	r.kernel(unsafe.SliceData(first), unsafe.SliceData(second), unsafe.SliceData(third), &src[0], &r.table[0], ahead, r.groups)
}

// resizeNothing is Resize in plain Go, where two passes over rows in the cache are as fast as one that would need more
// registers than there are.
func resizeNothing(*Resize) *Resized { return nil }

// resized returns what makes groups of n samples by a table.
func (z *Resize) resized(l impl.Level, n int, table []byte, kernel resizedKernel) *Resized {
	return &Resized{Level: l, bytes: z.Bytes, room: z.rooms(), groups: z.groups(n), table: table, kernel: kernel}
}

// groups returns how many groups of n samples hold all of them.
func (z *Resize) groups(n int) int { return (len(z.Taps) + n - 1) / n }

// rooms returns what the rows of z need room for.
func (z *Resize) rooms() (n [3]int) {
	n[0] = resample.RoomFor(len(z.Taps))
	switch z.To {
	case ToRGB, ToYCC:
		n[1], n[2] = n[0], n[0]
	case ToYCCHalf:
		n[1] = resample.RoomFor((len(z.Taps) + 1) / 2)
		n[2] = n[1]
	}
	return n
}

// sample returns how sample x is made. Those behind the last are as the last, which is also the neighbor that the last
// of an odd number shares its chroma with.
func (z *Resize) sample(x int) resample.Blend {
	return z.Taps[min(x, len(z.Taps)-1)].Blend(z.Bytes, z.Step)
}

// channel returns where in a pixel channel c is: 0 for R, 1 for G, 2 for B.
func (p Packed) channel(c int) int {
	if p.RedFirst {
		return c
	}
	return 2 - c
}
