//go:build !purego

package color

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

//go:noescape
func wideRGBAVX512(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func wideYCCAVX512(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func wideYCCHalfAVX512(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func wideLumaAVX512(first, second, third *int16, src, table *byte, ahead, groups int)

// groupAVX512 is the samples that a kernel of Resized makes at a time, of four windows.
const groupAVX512 = 32

// resizeAVX512 is Resize where 8 neighboring samples are made of the same 64 bytes, and AVX2's else.
func resizeAVX512(z *Resize) *Resized {
	table := z.tableAVX512()
	if table == nil {
		return resizeAVX2(z)
	}
	kernels := [...]resizedKernel{wideRGBAVX512, wideYCCAVX512, wideYCCHalfAVX512, wideLumaAVX512}
	return z.resized(impl.AVX512, groupAVX512, table, kernels[z.To])
}

// tableAVX512 returns the groups, laid out as the generator says; nil when the windows don't hold what is needed.
func (z *Resize) tableAVX512() []byte {
	const size = 5 * 64 // of a group
	groups := z.groups(groupAVX512)
	table := resample.Aligned(groups * size)
	for g := range groups {
		group := table[g*size:][:size]
		for w := range 4 { // windows
			var samples [8]resample.Blend
			for i := range samples {
				samples[i] = z.sample(g*groupAVX512 + w*8 + i)
			}
			at, found := resample.Window(z.Bytes, 64, 3, samples[:]...)
			if !found {
				return nil
			}
			binary.LittleEndian.PutUint32(group[256+4*w:], uint32(at))
			for i, s := range samples {
				for k, o := range s.Offsets {
					place, even := o-at+w%2*64, w%2*16+2*i+k // the latter within 16 samples
					group[w/2*64+even] = byte(place + z.channel(0))
					group[w/2*64+32+even] = byte(place + z.channel(1))
					group[128+w/2*32+even] = byte(place + z.channel(2))
					group[192+w*16+2*i+k] = byte(s.Weights[k])
				}
			}
		}
	}
	return table
}
