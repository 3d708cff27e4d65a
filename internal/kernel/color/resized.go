package color

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// Planes is what a row of pixels becomes.
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
	bytes  int
	room   [3]int // samples that the planes of a row have room for
	groups int
	table  []byte // of each group: which bytes to load, where to put them, their weights
	kernel resizedKernel
}

type resizedKernel func(dst [3]*int16, src, table *byte, groups int)

// Room is what the capacity of rows for Resized is a multiple of, in samples: its kernels write whole vectors.
const Room = 32

// Row makes dst of the pixels of src, which is as long as the Resize says. A row of dst has its length rounded up to a
// multiple of Room as its capacity; what is there behind its length is overwritten.
func (r *Resized) Row(dst [3][]int16, src []byte) {
	_ = src[r.bytes-1]
	var rows [3]*int16
	for i, n := range r.room {
		if cap(dst[i]) < n {
			panic("color: a row of dst has no room")
		}
		rows[i] = unsafe.SliceData(dst[i])
	}
	r.kernel(rows, &src[0], &r.table[0], r.groups)
}

// resizeNothing is Resize in plain Go, where two passes over rows in the cache are as fast as one that would need more
// registers than there are.
func resizeNothing(*Resize) *Resized { return nil }

// resized returns what makes groups of n samples by a table.
func (z *Resize) resized(n int, table []byte, kernel resizedKernel) *Resized {
	return &Resized{bytes: z.Bytes, room: z.rooms(), groups: z.groups(n), table: table, kernel: kernel}
}

// groups returns how many groups of n samples hold all of them.
func (z *Resize) groups(n int) int { return (len(z.Taps) + n - 1) / n }

// rooms returns what the rows of z need room for.
func (z *Resize) rooms() (n [3]int) {
	up := func(n int) int { return (n + Room - 1) / Room * Room }
	n[0] = up(len(z.Taps))
	switch z.To {
	case ToRGB, ToYCC:
		n[1], n[2] = n[0], n[0]
	case ToYCCHalf:
		n[1] = up((len(z.Taps) + 1) / 2)
		n[2] = n[1]
	}
	return n
}

// blended is how a sample is made of two pixels: the offsets of their bytes, and weights that add up to 128. None is
// above 127, so that they fit a signed byte: a pixel that counts alone is there twice.
type blended struct {
	offsets [2]int
	weights [2]int8
}

// sample returns how sample x is made. Those behind the last are as the last, which is also the neighbour that the last
// of an odd number shares its chroma with.
func (z *Resize) sample(x int) blended {
	t := z.Taps[min(x, len(z.Taps)-1)]
	first := int(t.Offset)
	second := first + z.Step
	switch {
	case t.Weight == 0 || second >= z.Bytes:
		second = first
	case t.Weight == 128:
		first = second
	default:
		return blended{[2]int{first, second}, [2]int8{int8(128 - t.Weight), int8(t.Weight)}}
	}
	return blended{[2]int{first, second}, [2]int8{64, 64}}
}

// channel returns where in a pixel channel c is: 0 for R, 1 for G, 2 for B.
func (p Packed) channel(c int) int {
	if p.RedFirst {
		return c
	}
	return 2 - c
}

// window returns the offset of size bytes of the row that hold all that samples are made of; false when there are none.
func (z *Resize) window(size int, samples ...blended) (offset int, found bool) {
	low, high := z.Bytes, 0
	for _, s := range samples {
		for _, o := range s.offsets {
			low, high = min(low, o), max(high, o+3)
		}
	}
	offset = min(low, z.Bytes-size)
	return offset, offset >= 0 && high-offset <= size
}

// aligned returns an empty slice with a capacity of n bytes that begins at a multiple of 64.
func aligned(n int) []byte {
	const line = 64
	b := make([]byte, n+line)
	from := -uintptr(unsafe.Pointer(&b[0])) % line
	return b[from : from : int(from)+n]
}
