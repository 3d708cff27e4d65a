package color

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

// PlanarResize is Resize for R, G and B in rows of their own, of a byte a pixel: resample's Plane, not centered, of each, and then
// YCC, YCCHalf or Luma.
type PlanarResize struct {
	Taps  []resample.Tap // one or more
	Bytes int            // of an input row
	To    Planes         // not ToRGB
}

// PlanarResized does a PlanarResize in one pass over the rows, by tables made for it. It is immutable.
type PlanarResized struct {
	Level impl.Level // of the kernel, which may be a lower one than was asked for

	bytes  int
	room   [3]int // samples that the planes of a row have room for
	groups int
	table  []byte // of each group: which bytes to load, where to put them, their weights
	kernel planarResizedKernel
}

type planarResizedKernel func(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

// Row makes dst of the rows R, G, B, each of which is as long as the PlanarResize says. The capacity of a row of dst is
// resample.RoomFor its length: whole vectors are written, over what is there behind its length. It asks for the bytes that lie
// so many ahead to be in the caches soon; with 0 for nothing.
func (r *PlanarResized) Row(dst [3][]int16, rgb [3][]byte, ahead int) {
	red, green, blue := rgb[0][:r.bytes], rgb[1][:r.bytes], rgb[2][:r.bytes]
	first, second, third := dst[0], dst[1], dst[2]
	if cap(first) < r.room[0] || cap(second) < r.room[1] || cap(third) < r.room[2] {
		panic("color: a row of dst has no room")
	}
	r.kernel(unsafe.SliceData(first), unsafe.SliceData(second), unsafe.SliceData(third), &red[0], &green[0], &blue[0], &r.table[0],
		ahead, r.groups)
}

// resizePlanarNothing is ResizePlanar in plain Go, and where there is no assembly.
func resizePlanarNothing(*PlanarResize) *PlanarResized { return nil }

// resized returns what makes groups of n samples by a table.
func (z *PlanarResize) resized(l impl.Level, n int, table []byte, kernel planarResizedKernel) *PlanarResized {
	rooms := (&Resize{Taps: z.Taps, To: z.To}).rooms()
	return &PlanarResized{Level: l, bytes: z.Bytes, room: rooms, groups: (len(z.Taps) + n - 1) / n, table: table, kernel: kernel}
}

// blends returns how n samples from first on are made. Those behind the last are as the last.
func (z *PlanarResize) blends(first, n int) []resample.Blend {
	samples := make([]resample.Blend, n)
	for i := range samples {
		samples[i] = z.Taps[min(first+i, len(z.Taps)-1)].Blend(z.Bytes, 1)
	}
	return samples
}
