package resample

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Cover is what PackedArea does: the means of what samples cover, for rows of pixels of three channels.
type Cover struct {
	Coverage     // of one sample or more
	Bytes    int // of an input row
	Step     int // bytes from one pixel to the next, 3 or 4
}

// Covered does a Cover by tables made for it. It is immutable.
type Covered struct {
	Level impl.Level // of the kernel, which may be a lower one than was asked for

	bytes, room, groups int
	table               []byte // of each group: which pixels to load, and their weights
	kernel              coveredKernel
}

type coveredKernel func(first, second, third *int16, src, table *byte, groups int)

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

// covered returns what makes groups of 16 samples by a table; nil without one.
func (z *Cover) covered(l impl.Level, table []byte, kernel coveredKernel) *Covered {
	if table == nil {
		return nil
	}
	n := len(z.Spans)
	return &Covered{Level: l, bytes: z.Bytes, room: RoomFor(n), groups: (n + 15) / 16, table: table, kernel: kernel}
}

// bySpan returns the weights of each span.
func (c *Coverage) bySpan() [][]int16 {
	all, weights := make([][]int16, len(c.Spans)), c.Weights
	for i, s := range c.Spans {
		all[i], weights = weights[:s.Count], weights[s.Count:]
	}
	return all
}

// four is the pixels that a kernel adds to a sample at a time, in a round.
const four = 4

// rounds returns how many rounds the spans of n samples from first on take.
func (c *Coverage) rounds(first, n int) int {
	rounds := 0
	for _, s := range c.Spans[first:min(first+n, len(c.Spans))] {
		rounds = max(rounds, (int(s.Count)+four-1)/four)
	}
	return rounds
}

// quad is four pixels of a row: the offset of the first, and their weights in a sample.
type quad struct {
	offset  int
	weights [four]int16
}

// quad returns the pixels that sample x takes in a round. Samples behind the last are as the last; pixels that the sample
// does not cover have no weight.
func (z *Cover) quad(weights [][]int16, x, round int) quad {
	x = min(x, len(z.Spans)-1)
	begin := int(z.Spans[x].Offset)/z.Step + round*four
	from := min(begin, z.Bytes/z.Step-four) // so that four are inside the row
	q := quad{offset: from * z.Step}
	for i := round * four; i < min((round+1)*four, len(weights[x])); i++ {
		q.weights[begin-from+i-round*four] = weights[x][i]
	}
	return q
}
