package resample

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Wide is an interpolation of rows of int16, of 0..32640.
type Wide struct {
	Taps  []Tap // one or more
	Words int   // of an input row, and one more: the last sample again
}

// SourceRoom returns the capacity that an input row has: kernels read more than its words.
func (z *Wide) SourceRoom() int { return RoomFor(z.Words + window) }

// Widened does a Wide, by tables made for it where a kernel serves. It is immutable.
type Widened struct {
	Level impl.Level // of the kernel; may be lower than the limit

	wide   Wide
	room   int // samples that a row has room for
	groups int
	table  []byte     // of each group: which words to load, where to put them, their weights
	kernel wideKernel // nil: plain Go
}

type wideKernel func(dst, src *int16, table *byte, groups int)

// Row resizes src, of Wide.Words words with a capacity of SourceRoom or more, to dst. The capacity of dst is RoomFor
// its length: whole vectors are written, also beyond its length.
func (w *Widened) Row(dst, src []int16) {
	_ = src[w.wide.Words-1]
	switch {
	case w.kernel == nil:
		wide(dst, src, w.wide.Taps)
		return
	case cap(src) < w.wide.SourceRoom():
		panic("resample: src has no room")
	case cap(dst) < w.room:
		panic("resample: a row of dst has no room")
	}
	w.kernel(unsafe.SliceData(dst), &src[0], &w.table[0], w.groups)
}

// widenPlainly is Widen in plain Go. It keeps the Taps.
func widenPlainly(z *Wide) *Widened { return &Widened{Level: impl.Generic, wide: *z} }

func wide(dst, src []int16, taps []Tap) {
	dst = dst[:len(taps)]
	for x, t := range taps {
		at := int(t.Offset)
		p := src[at : at+2]
		a := int32(p[0])
		dst[x] = int16(a + mulhrs(int32(p[1])-a, int32(t.Weight))) // |p[1]-a| <= 32640: between the two
	}
}
