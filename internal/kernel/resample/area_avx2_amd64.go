//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

//go:noescape
func area3AVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func area4AVX2(first, second, third *int16, src, table *byte, groups int)

// coverAVX2 is Cover. It returns nil for rows of less than four pixels.
func coverAVX2(z *Cover) *Covered {
	kernels := [...]coveredKernel{3: area3AVX2, 4: area4AVX2}
	return z.covered(impl.AVX2, z.tableAVX2(), kernels[z.Step])
}

// tableAVX2 returns the groups, laid out as the generator says.
func (z *Cover) tableAVX2() []byte {
	if z.Bytes < four*z.Step {
		return nil
	}
	weights := z.bySpan()
	var table []byte
	for first := 0; first < len(z.Spans); first += groupAVX2 {
		rounds := z.rounds(first, groupAVX2)
		table = binary.LittleEndian.AppendUint64(table, uint64(rounds))
		table = append(table, make([]byte, 24)...)
		for i := range groupAVX2 / 2 * rounds {
			sample := i/(4*rounds)*4 + i%4 // and the one 8 further on
			round := i % (4 * rounds) / 4
			var quads [2]quad
			for half := range quads {
				quads[half] = z.quad(weights, first+sample+8*half, round)
			}
			for _, pair := range []int{0, 2} {
				for _, q := range quads {
					for range 4 {
						table = binary.LittleEndian.AppendUint16(table, uint16(q.weights[pair]))
						table = binary.LittleEndian.AppendUint16(table, uint16(q.weights[pair+1]))
					}
				}
			}
			for _, q := range quads {
				table = binary.LittleEndian.AppendUint32(table, uint32(q.offset))
			}
			table = append(table, make([]byte, 24)...)
		}
	}
	return append(Aligned(len(table))[:0], table...)
}
