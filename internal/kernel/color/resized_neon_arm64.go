//go:build !purego

package color

import (
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
)

//go:noescape
func nearRGBNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearYCCNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearYCCHalfNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func nearLumaNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farRGBNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farYCCNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farYCCHalfNEON(first, second, third *int16, src, table *byte, ahead, groups int)

//go:noescape
func farLumaNEON(first, second, third *int16, src, table *byte, ahead, groups int)

// resizeNEON is Resize: near where two neighboring samples are made of the same 16 bytes, else far, from 8 bytes for each
// of them. It returns nil for rows of less than 8 bytes.
func resizeNEON(z *Resize) *Resized {
	near := [...]resizedKernel{nearRGBNEON, nearYCCNEON, nearYCCHalfNEON, nearLumaNEON}
	far := [...]resizedKernel{farRGBNEON, farYCCNEON, farYCCHalfNEON, farLumaNEON}
	g := resample.Gather{Bytes: z.Bytes, Step: z.Step, Channels: []int{z.channel(0), z.channel(1), z.channel(2)}, Size: 16, Share: 2}
	if table := g.Table(z.Taps); table != nil {
		return z.resized(impl.NEON, 16, table, near[z.To])
	}
	g.Size, g.Share = 8, 1
	if table := g.Table(z.Taps); table != nil {
		return z.resized(impl.NEON, 16, table, far[z.To])
	}
	return nil
}
