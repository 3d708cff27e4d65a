//go:build !purego

package resample

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		k := kernelsAVX2() // for what gains nothing from AVX-512
		k.Cover = coverAVX512
		Implementations.Register(impl.AVX512, k)
	}
}

//go:noescape
func areaAVX512(first, second, third *int16, src, table *byte, groups int)

// coverAVX512 is Cover where four neighbouring samples take four pixels each out of the same 64 bytes, and AVX2's else.
func coverAVX512(z *Cover) *Covered {
	if c := z.covered(impl.AVX512, z.tableAVX512(), areaAVX512); c != nil {
		return c
	}
	return coverAVX2(z)
}

// tableAVX512 returns the groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Cover) tableAVX512() []byte {
	const group = 16
	if z.Bytes < 64 {
		return nil
	}
	weights := z.bySpan()
	var table []byte
	for first := 0; first < len(z.Spans); first += group {
		rounds := z.rounds(first, group)
		head := make([]byte, 64)
		binary.LittleEndian.PutUint64(head, uint64(rounds))
		table = append(table, head...)
		for round := range rounds {
			var part [448]byte
			for w := range 4 {
				var quads [4]quad
				low, high := z.Bytes, 0
				for i := range quads {
					quads[i] = z.quad(weights, first+4*w+i, round)
					low, high = min(low, quads[i].offset), max(high, quads[i].offset+four*z.Step)
				}
				low = min(low, z.Bytes-64)
				if high-low > 64 {
					return nil
				}
				binary.LittleEndian.PutUint32(part[384+4*w:], uint32(low))
				for i, q := range quads {
					z.putQuad(&part, w, i, q, low)
				}
			}
			table = append(table, part[:]...)
		}
	}
	return append(Aligned(len(table))[:0], table...)
}

// putQuad puts the places and weights of sample i of window w into a round.
func (z *Cover) putQuad(part *[448]byte, w, i int, q quad, window int) {
	places, weights := part[w/2*128:], part[256+w/2*64:]
	at := (w%2*4 + i) * four // among 8 samples
	for k, weight := range q.weights {
		place := byte(w%2*64 + q.offset - window + k*z.Step)
		places[at+k], places[32+at+k], places[64+at+k] = place, place+1, place+2
		low := int8(weight) // weight is 256*high + low
		weights[at+k], weights[32+at+k] = byte((int(weight)-int(low))/256), byte(low)
	}
}
