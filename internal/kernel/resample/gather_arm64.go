//go:build !purego

package resample

import "encoding/binary"

// Gather lays out tables for kernels that load 64 bytes of a row into four registers, as windows, and pick the neighbors
// of 8 samples out of them.
type Gather struct {
	Bytes    int   // of a row
	Step     int   // bytes from one sample to the next
	Channels []int // of a sample, as offsets in it: in the order in which the kernel makes them
	Size     int   // bytes of a window, 8 or 16
	Share    int   // neighboring samples that are made of one window
}

// Table returns groups of 16 samples for taps, one or more; nil when the windows don't hold what is needed. Samples behind
// the last are as the last. For each 64 bytes of windows a group has
//
//	offsets   4 bytes for each window
//
// and, for each 8 of the 8 or 16 samples that are made of them,
//
//	places    16 for each channel: where in the windows the first neighbors are, and the second
//	weights   16: of the first neighbors, and of the second
func (g *Gather) Table(taps []Tap) []byte {
	blends := make([]Blend, (len(taps)+15)/16*16)
	for i := range blends {
		blends[i] = taps[min(i, len(taps)-1)].Blend(g.Bytes, g.Step)
	}
	var table []byte
	for filled := 64 / g.Size * g.Share; len(blends) > 0; blends = blends[filled:] {
		var shifts [16]int // what takes an offset in the row to a place in the windows
		for i := 0; i < filled; i += g.Share {
			offset, found := Window(g.Bytes, g.Size, len(g.Channels), blends[i:i+g.Share]...)
			if !found {
				return nil
			}
			table = binary.LittleEndian.AppendUint32(table, uint32(offset))
			for k := range g.Share {
				shifts[i+k] = i/g.Share*g.Size - offset
			}
		}
		for i := 0; i < filled; i += 8 {
			table = g.appendPicks(table, blends[i:i+8], shifts[i:i+8])
		}
	}
	return append(Aligned(len(table))[:0], table...)
}

// appendPicks appends the places and weights of 8 samples.
func (g *Gather) appendPicks(table []byte, blends []Blend, shifts []int) []byte {
	for _, c := range g.Channels {
		for neighbor := range 2 {
			for i, b := range blends {
				table = append(table, byte(b.Offsets[neighbor]+shifts[i]+c))
			}
		}
	}
	for neighbor := range 2 {
		for _, b := range blends {
			table = append(table, byte(b.Weights[neighbor]))
		}
	}
	return table
}
