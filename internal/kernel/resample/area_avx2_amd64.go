//go:build !purego

package resample

import "encoding/binary"

//go:noescape
func area3AVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func area4AVX2(first, second, third *int16, src, table *byte, groups int)

// coverAVX2 is Cover. It returns nil for rows of less than four pixels.
func coverAVX2(z *Cover) *Covered {
	table := z.tableAVX2()
	if table == nil {
		return nil
	}
	n := len(z.Spans)
	c := &Covered{bytes: z.Bytes, room: RoomFor(n), groups: (n + groupAVX2 - 1) / groupAVX2, table: table, kernel: area3AVX2}
	if z.Step == 4 {
		c.kernel = area4AVX2
	}
	return c
}

// tableAVX2 returns the groups, laid out as the generator says.
func (z *Cover) tableAVX2() []byte {
	const four = 4 // pixels
	pixels := z.Bytes / z.Step
	if pixels < four {
		return nil
	}
	weights := z.bySpan()
	var table []byte
	for first := 0; first < len(z.Spans); first += groupAVX2 {
		rounds := 0
		for x := first; x < min(first+groupAVX2, len(z.Spans)); x++ {
			rounds = max(rounds, (int(z.Spans[x].Count)+four-1)/four)
		}
		table = binary.LittleEndian.AppendUint64(table, uint64(rounds))
		for _, quarter := range []int{0, 4} { // and that 8 samples further on
			for round := range rounds {
				for i := range 4 {
					var offsets [2]uint32
					var quads [2][four]int16
					for half := range 2 {
						x := min(first+quarter+i+8*half, len(z.Spans)-1)
						begin := int(z.Spans[x].Offset)/z.Step + round*four
						from := min(begin, pixels-four) // what would lie behind the row has no weight
						for k, w := range rest(weights[x], round*four) {
							quads[half][begin-from+k] = w
						}
						offsets[half] = uint32(from * z.Step)
					}
					table = binary.LittleEndian.AppendUint32(table, offsets[0])
					table = binary.LittleEndian.AppendUint32(table, offsets[1])
					for _, w := range append(quads[0][:], quads[1][:]...) {
						table = binary.LittleEndian.AppendUint16(table, uint16(w))
					}
				}
			}
		}
	}
	return append(Aligned(len(table))[:0], table...)
}

// rest returns at most four weights from one on.
func rest(weights []int16, from int) []int16 {
	from = min(from, len(weights))
	return weights[from:min(from+4, len(weights))]
}
