package resample

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Cover is the mean over what each output sample covers of a row of int16: of one channel, of two or three that are
// interleaved, or of three with a fourth among them that does not matter.
type Cover struct {
	Coverage      // of one sample or more
	Words    int  // of an input row, 0..32640 each
	Step     int  // from one sample of a channel to the next, 1..4
	Centered bool // 128<<7 is subtracted: rows of luma and chroma
}

// channels is how many rows are made.
func (z *Cover) channels() int { return min(z.Step, 3) }

// SourceRoom returns the capacity that an input row has: kernels read more than its words.
func (z *Cover) SourceRoom() int { return RoomFor(z.Words + window) }

// Covered does a Cover, by tables made for it where a kernel has some. It is immutable.
type Covered struct {
	Level impl.Level // of the kernel; may be lower than the limit

	cover  Cover
	room   int // samples that rows have room for
	groups int
	table  []byte        // of each group: where its samples' words begin, and their weights
	kernel coveredKernel // nil: plain Go
}

// coveredKernel computes groups of 16 samples of one, two or three rows, and subtracts bias from each.
type coveredKernel func(first, second, third, src *int16, table *byte, groups, bias int)

// Row writes a row of dst for each channel of src, of Cover.Words words with a capacity of SourceRoom or more, whose
// contents beyond the length do not matter. The capacity of a row of dst is RoomFor its length: whole vectors are
// written, also beyond its length.
func (c *Covered) Row(dst [3][]int16, src []int16) {
	_ = src[c.cover.Words-1]
	if c.kernel == nil {
		area(dst, src, &c.cover)
		return
	}
	if cap(src) < c.cover.SourceRoom() {
		panic("resample: src has no room")
	}
	var rows [3]*int16
	for i, row := range dst[:c.cover.channels()] {
		if cap(row) < c.room {
			panic("resample: a row of dst has no room")
		}
		rows[i] = unsafe.SliceData(row)
	}
	off := 0
	if c.cover.Centered {
		off = bias
	}
	c.kernel(rows[0], rows[1], rows[2], &src[0], &c.table[0], c.groups, off)
}

// coverPlainly is Cover in plain Go. It keeps the Coverage.
func coverPlainly(z *Cover) *Covered { return &Covered{Level: impl.Generic, cover: *z} }

// covered returns what makes groups of 16 samples by a table.
func (z *Cover) covered(l impl.Level, table []byte, kernel coveredKernel) *Covered {
	n := len(z.Spans)
	return &Covered{
		Level: l, cover: *z, room: RoomFor(n), groups: (n + 15) / 16, kernel: kernel,
		table: append(Aligned(len(table))[:0], table...),
	}
}

// window is how many words a kernel loads at a time for a sample, in a round.
const window = 8

// perRound returns how many samples of each channel a sample takes in a round: as many as are whole in a window, and 2 of
// three channels.
func (z *Cover) perRound() int { return [...]int{1: 8, 2: 4, 3: 2, 4: 2}[z.Step] }

// rounds returns how many rounds the spans of n samples from first on take.
func (z *Cover) rounds(first, n int) int {
	rounds, each := 0, z.perRound()
	for _, s := range z.Spans[min(first, len(z.Spans)-1):min(first+n, len(z.Spans))] {
		rounds = max(rounds, (int(s.Count)+each-1)/each)
	}
	return rounds
}

// run is what a kernel adds up for a sample: samples of a channel from a word of the row on, each with its weight.
type run struct {
	offset  int // in words
	weights []int16
}

// bySpan returns the weights of each span.
func (c *Coverage) bySpan() [][]int16 {
	all, weights := make([][]int16, len(c.Spans)), c.Weights
	for i, s := range c.Spans {
		all[i], weights = weights[:s.Count], weights[s.Count:]
	}
	return all
}

// runs returns what n samples from first on are made of, in so many rounds, with the weights that bySpan returns: samples
// that it does not cover have no weight. Samples behind the last are as the last. All windows end inside the row's room.
func (z *Cover) runs(bySpan [][]int16, first, n, rounds int) []run {
	runs, each := make([]run, n), z.perRound()
	reach := (rounds-1)*each*z.Step + window
	for i := range runs {
		x := min(first+i, len(z.Spans)-1)
		offset, back := int(z.Spans[x].Offset), 0
		for ; offset+reach > z.Words+window; back++ {
			offset -= z.Step
		}
		weights := make([]int16, rounds*each)
		copy(weights[back:], bySpan[x])
		runs[i] = run{offset, weights}
	}
	return runs
}
