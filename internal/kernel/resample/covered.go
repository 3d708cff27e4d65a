package resample

import "unsafe"

// Cover is what PackedArea does: the means of what samples cover, for rows of pixels of three channels.
type Cover struct {
	Coverage     // of one sample or more
	Bytes    int // of an input row
	Step     int // bytes from one pixel to the next, 3 or 4
}

// Covered does a Cover by tables made for it. It is immutable.
type Covered struct {
	bytes, room, groups int
	table               []byte // of each group: which pixels to load, and their weights
	kernel              func(first, second, third *int16, src, table *byte, groups int)
}

// Row makes a row of each channel of the pixels of src, which is as long as the Cover says. The capacity of a row of dst is
// RoomFor its length: whole vectors are written, over what is there behind its length.
func (c *Covered) Row(dst [3][]int16, src []byte) {
	_ = src[c.bytes-1]
	first, second, third := dst[0], dst[1], dst[2]
	if cap(first) < c.room || cap(second) < c.room || cap(third) < c.room {
		panic("resample: a row of dst has no room")
	}
	c.kernel(unsafe.SliceData(first), unsafe.SliceData(second), unsafe.SliceData(third), &src[0], &c.table[0], c.groups)
}

// coverNothing is Cover in plain Go, which PackedArea is.
func coverNothing(*Cover) *Covered { return nil }

// bySpan returns the weights of each span.
func (c *Coverage) bySpan() [][]int16 {
	all, weights := make([][]int16, len(c.Spans)), c.Weights
	for i, s := range c.Spans {
		all[i], weights = weights[:s.Count], weights[s.Count:]
	}
	return all
}
