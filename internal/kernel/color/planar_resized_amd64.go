//go:build !purego

package color

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

//go:noescape
func planarYCCAVX2(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

//go:noescape
func planarYCCHalfAVX2(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

//go:noescape
func planarLumaAVX2(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

//go:noescape
func planarYCCAVX512(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

//go:noescape
func planarYCCHalfAVX512(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

//go:noescape
func planarLumaAVX512(first, second, third *int16, red, green, blue, table *byte, ahead, groups int)

// resizePlanarAVX512 is ResizePlanar where 16 neighboring samples are made of the same 64 bytes, and AVX2's else.
func resizePlanarAVX512(z *PlanarResize) *PlanarResized {
	const samples, size = groupAVX512, 192 // of a group
	kernels := [...]planarResizedKernel{ToYCC: planarYCCAVX512, ToYCCHalf: planarYCCHalfAVX512, ToLuma: planarLumaAVX512}
	table := resample.Aligned((len(z.Taps) + samples - 1) / samples * size)
	for g := range len(table) / size {
		group := table[g*size:][:size]
		for w := range 2 { // windows
			blends := z.blends(g*samples+16*w, 16)
			at, found := resample.Window(z.Bytes, 64, 1, blends...)
			if !found {
				return resizePlanarAVX2(z)
			}
			binary.LittleEndian.PutUint32(group[128+4*w:], uint32(at))
			for i, b := range blends {
				for k, o := range b.Offsets {
					group[32*w+2*i+k] = byte(64*w + o - at)
					group[64+32*w+2*i+k] = byte(b.Weights[k])
				}
			}
		}
	}
	return z.resized(impl.AVX512, samples, table, kernels[z.To])
}

// resizePlanarAVX2 is ResizePlanar where four neighboring samples are made of the same 16 bytes; else it returns nil.
func resizePlanarAVX2(z *PlanarResize) *PlanarResized {
	const samples, size = groupAVX2, 128 // of a group
	kernels := [...]planarResizedKernel{ToYCC: planarYCCAVX2, ToYCCHalf: planarYCCHalfAVX2, ToLuma: planarLumaAVX2}
	table := resample.Aligned((len(z.Taps) + samples - 1) / samples * size)
	for g := range len(table) / size {
		group := table[g*size:][:size]
		for i := range 64 {
			group[i] = 0x80 // a shuffle makes zeros, but for what follows
		}
		for w := range 4 { // windows: of samples 0..3, 8..11, 4..7, 12..15
			first := w%2*8 + w/2*4
			blends := z.blends(g*samples+first, 4)
			at, found := resample.Window(z.Bytes, 16, 1, blends...)
			if !found {
				return nil
			}
			binary.LittleEndian.PutUint32(group[96+4*w:], uint32(at))
			for i, b := range blends {
				for k, o := range b.Offsets {
					group[16*w+w/2*8+2*i+k] = byte(o - at)
					group[64+2*(first+i)+k] = byte(b.Weights[k])
				}
			}
		}
	}
	return z.resized(impl.AVX2, samples, table, kernels[z.To])
}
