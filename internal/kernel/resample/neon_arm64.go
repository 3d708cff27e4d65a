//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	k := generic // for what has no assembly
	k.Resize, k.Cover, k.Prefetch = resizeNEON, coverNEON, prefetchLines
	Implementations.Register(impl.NEON, k)
}

//go:noescape
func prefetchNEON(row *byte, lines int)

func prefetchLines(row []byte) {
	const line = 64
	prefetchNEON(&row[0], (len(row)+line-1)/line)
}

//go:noescape
func nearPlaneNEON(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func farPlaneNEON(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func nearPairsNEON(first, second *int16, src, table *byte, ahead, groups, bias int)

//go:noescape
func farPairsNEON(first, second *int16, src, table *byte, ahead, groups, bias int)

// resizeNEON is Resize where four neighboring samples are made of the same 16 bytes, or at least two. It returns nil for
// what shrinks more than 14-fold (pairs: 6-fold), and for rows of less than 16 bytes.
func resizeNEON(z *Resize) *Resized {
	kernels := [...]struct{ near, far resizedKernel }{{nearPlaneNEON, farPlaneNEON}, {nearPairsNEON, farPairsNEON}}[z.Channels-1]
	r := &Resized{
		Level: impl.NEON, bytes: z.Bytes, room: RoomFor(len(z.Taps)), channels: z.Channels, bias: z.bias(), groups: (len(z.Taps) + 15) / 16,
		kernel: kernels.near,
	}
	g := Gather{Bytes: z.Bytes, Step: z.Channels, Channels: []int{0, 1}[:z.Channels], Size: 16, Share: 4}
	if r.table = g.Table(z.Taps); r.table != nil {
		return r
	}
	g.Share, r.kernel = 2, kernels.far
	if r.table = g.Table(z.Taps); r.table != nil {
		return r
	}
	return nil
}

//go:noescape
func area1NEON(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area2NEON(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area3NEON(first, second, third, src *int16, table *byte, groups, bias int)

//go:noescape
func area4NEON(first, second, third, src *int16, table *byte, groups, bias int)

// coverNEON is Cover.
func coverNEON(z *Cover) *Covered {
	kernels := [...]coveredKernel{1: area1NEON, area2NEON, area3NEON, area4NEON}
	return z.covered(impl.NEON, z.tableNEON(), kernels[z.Step])
}

// tableNEON returns groups of 16 samples, laid out as the generator says.
func (z *Cover) tableNEON() []byte {
	bySpan, each := z.bySpan(), z.perRound()
	var table []byte
	for first := 0; first < (len(z.Spans)+15)/16*16; first += 4 {
		rounds := z.rounds(first, 4)
		runs := z.runs(bySpan, first, 4, rounds)
		table = binary.LittleEndian.AppendUint64(table, uint64(rounds))
		for _, r := range runs {
			table = binary.LittleEndian.AppendUint32(table, uint32(2*r.offset))
		}
		for round := range rounds {
			for _, r := range runs {
				for _, w := range r.weights[round*each:][:each] {
					table = binary.LittleEndian.AppendUint16(table, uint16(w))
				}
			}
		}
	}
	return table
}
