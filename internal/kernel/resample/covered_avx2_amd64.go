//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

//go:noescape
func area1AVX2(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area2AVX2(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area3AVX2(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area4AVX2(first, second, third, src *int16, table *byte, groups, bias int)

// coverAVX2 is Cover.
func coverAVX2(z *Cover) *Covered {
	kernels := [...]coveredKernel{1: area1AVX2, area2AVX2, area3AVX2, area4AVX2}
	return z.covered(impl.AVX2, z.tableAVX2(), kernels[z.Step])
}

// tableAVX2 returns the groups, laid out as the generator says.
func (z *Cover) tableAVX2() []byte {
	bySpan := z.bySpan()
	var table []byte
	for first := 0; first < len(z.Spans); first += groupAVX2 {
		rounds := z.rounds(first, groupAVX2)
		runs := z.runs(bySpan, first, groupAVX2, rounds)
		table = binary.LittleEndian.AppendUint64(table, uint64(rounds))
		table = append(table, make([]byte, 24)...)
		for i := range groupAVX2 {
			table = binary.LittleEndian.AppendUint32(table, uint32(2*runs[i/2+i%2*8].offset))
		}
		for half := range 2 {
			for round := range rounds {
				for i := range 4 {
					sample := 4*half + i
					table = z.appendWeights(table, runs[sample].weights, round)
					table = z.appendWeights(table, runs[sample+8].weights, round)
				}
			}
		}
	}
	return table
}

// appendWeights appends the weights of a window, as often as it has channels: of as many samples as the window has, or by
// twos.
func (z *Cover) appendWeights(table []byte, weights []int16, round int) []byte {
	each := z.perRound()
	weights = weights[round*each:][:each]
	for range window / each {
		for _, w := range weights {
			table = binary.LittleEndian.AppendUint16(table, uint16(w))
		}
	}
	return table
}
