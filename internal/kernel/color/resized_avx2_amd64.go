//go:build !purego

package color

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

//go:noescape
func nearRGBAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearYCCAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearYCCHalfAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearLumaAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farRGBAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farYCCAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farYCCHalfAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farLumaAVX2(first, second, third *int16, src, table *byte, ahead, groups int)

// groupAVX2 is the samples that AVX2 makes at a time.
const groupAVX2 = 16

// resizeAVX2 is Resize: near where two neighboring samples are made of the same 16 bytes, else far, from 8 bytes for each
// of them. It returns nil for rows of less than 8 bytes.
func resizeAVX2(z *Resize) *Resized {
	near := [...]resizedKernel{nearRGBAVX2, nearYCCAVX2, nearYCCHalfAVX2, nearLumaAVX2}
	far := [...]resizedKernel{farRGBAVX2, farYCCAVX2, farYCCHalfAVX2, farLumaAVX2}
	if table := z.tableAVX2(true); table != nil {
		return z.resized(impl.AVX2, groupAVX2, table, near[z.To])
	}
	if table := z.tableAVX2(false); table != nil {
		return z.resized(impl.AVX2, groupAVX2, table, far[z.To])
	}
	return nil
}

// tableAVX2 returns the groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Resize) tableAVX2(near bool) []byte {
	groups := z.groups(groupAVX2)
	table := resample.Aligned(groups * 224)[:0]
	for g := range groups {
		var samples [groupAVX2]resample.Blend
		for i := range samples {
			samples[i] = z.sample(g*groupAVX2 + i)
		}
		windows, shifts := z.windowsAVX2(samples[:], near)
		if windows == nil {
			return nil
		}
		for _, w := range windows {
			table = binary.LittleEndian.AppendUint32(table, uint32(w))
		}
		for _, first := range [...]int{0, 8, 2, 10, 4, 12, 6, 14} {
			for c := range 3 {
				for s := first; s < first+2; s++ {
					for _, o := range samples[s].Offsets {
						table = append(table, byte(o+shifts[s]+z.channel(c)))
					}
				}
			}
			table = append(table, 0x80, 0x80, 0x80, 0x80) // zeros
		}
		for _, s := range samples {
			table = append(table, byte(s.Weights[0]), byte(s.Weights[1]))
		}
	}
	return table
}

// windowsAVX2 returns where the windows begin that samples are made of, and what takes an offset in the row to one in the
// 16 bytes that a sample and its neighbor are loaded into; nil when there are no such windows.
func (z *Resize) windowsAVX2(samples []resample.Blend, near bool) (windows []int, shifts [groupAVX2]int) {
	size, share := 8, 1 // bytes of a window, and samples that share it
	if near {
		size, share = 16, 2
	}
	for i := 0; i < len(samples); i += share {
		at, found := resample.Window(z.Bytes, size, 3, samples[i:i+share]...)
		if !found {
			return nil, shifts
		}
		windows = append(windows, at)
		for k := i; k < i+share; k++ {
			shifts[k] = i%2*8 - at // the second of two windows of 8 bytes is behind the first
		}
	}
	return windows, shifts
}
