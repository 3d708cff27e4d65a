//go:build !purego

package color

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

//go:noescape
func nearRGBAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func nearYCCAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func nearYCCHalfAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func nearLumaAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func farRGBAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func farYCCAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func farYCCHalfAVX2(first, second, third *int16, src, table *byte, groups int)

//go:noescape
func farLumaAVX2(first, second, third *int16, src, table *byte, groups int)

// groupAVX2 is the samples that AVX2 makes at a time.
const groupAVX2 = 16

// resizeAVX2 is Resize: near where two neighbouring samples are made of the same 16 bytes, else far, from 8 bytes for each
// of them. It returns nil for rows of less than 8 bytes.
func resizeAVX2(z *Resize) *Resized {
	near := [...]resizedKernel{nearRGBAVX2, nearYCCAVX2, nearYCCHalfAVX2, nearLumaAVX2}
	far := [...]resizedKernel{farRGBAVX2, farYCCAVX2, farYCCHalfAVX2, farLumaAVX2}
	if table := z.tableAVX2(true); table != nil {
		return z.resized(groupAVX2, table, near[z.To])
	}
	if table := z.tableAVX2(false); table != nil {
		return z.resized(groupAVX2, table, far[z.To])
	}
	return nil
}

// tableAVX2 returns the groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Resize) tableAVX2(near bool) []byte {
	groups := z.groups(groupAVX2)
	table := resample.Aligned(groups * 224)[:0]
	for g := range groups {
		var samples [groupAVX2]resample.Blend
		var offsets [groupAVX2]int // of samples, within their windows
		for i := range samples {
			samples[i] = z.sample(g*groupAVX2 + i)
		}
		for i := 0; i < groupAVX2; i += 2 {
			if near {
				at, found := resample.Window(z.Bytes, 16, 3, samples[i:i+2]...)
				if !found {
					return nil
				}
				table = binary.LittleEndian.AppendUint32(table, uint32(at))
				offsets[i], offsets[i+1] = -at, -at
				continue
			}
			for k := range 2 { // of two windows, side by side in 16 bytes
				at, found := resample.Window(z.Bytes, 8, 3, samples[i+k])
				if !found {
					return nil
				}
				table = binary.LittleEndian.AppendUint32(table, uint32(at))
				offsets[i+k] = 8*k - at
			}
		}
		for i := 0; i < groupAVX2/2; i += 2 {
			for _, first := range []int{i, i + groupAVX2/2} {
				for c := range 3 {
					for s := first; s < first+2; s++ {
						for _, o := range samples[s].Offsets {
							table = append(table, byte(o+offsets[s]+z.channel(c)))
						}
					}
				}
				table = append(table, 0x80, 0x80, 0x80, 0x80) // zeros
			}
		}
		for _, s := range samples {
			table = append(table, byte(s.Weights[0]), byte(s.Weights[1]))
		}
	}
	return table
}
