package resample

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Resize is a horizontal resize of rows of bytes: Plane's, of one channel, or Pairs', of two that are interleaved.
type Resize struct {
	Taps     []Tap // one or more
	Bytes    int   // of an input row
	Channels int   // 1 or 2
	Centered bool  // 128<<7 is subtracted: rows of luma and chroma
}

// bias is subtracted from each sample.
func (z *Resize) bias() int {
	if z.Centered {
		return bias
	}
	return 0
}

// Resized does a Resize by tables made for it. It is immutable.
type Resized struct {
	Level impl.Level // of the kernel; may be lower than the limit

	bytes    int
	room     int // samples that a row has room for
	channels int
	bias     int
	groups   int
	table    []byte // of each group: which bytes to load, where to put them, their weights
	kernel   resizedKernel
}

type resizedKernel func(first, second *int16, src, table *byte, ahead, groups, bias int)

// Row writes a row of dst for each channel of src, which has Resize.Bytes bytes. The capacity of a row is RoomFor its
// length: whole vectors are written, also beyond its length. It prefetches the bytes that lie ahead bytes behind those
// of src; 0: none.
func (r *Resized) Row(dst [][]int16, src []byte, ahead int) {
	_ = src[r.bytes-1]
	var rows [2]*int16
	for i, row := range dst[:r.channels] {
		if cap(row) < r.room {
			panic("resample: a row of dst has no room")
		}
		rows[i] = unsafe.SliceData(row)
	}
	r.kernel(rows[0], rows[1], &src[0], &r.table[0], ahead, r.groups, r.bias)
}

// resizeNothing is Resize in plain Go, which Plane and Pairs are.
func resizeNothing(*Resize) *Resized { return nil }
