// Package mask composes rows of bytes under a mask.
//
// A row of pixels over, each with a mask byte m, is laid on a row under:
//
//	div255(m*over + (255-m)*under)
//
// for each channel, where div255 divides by 255 and rounds to the nearest integer. So 0 leaves what is under, and 255
// leaves nothing of it. The sum is at most 255*255 = 65025. For every n up to that, with t = n+128,
//
//	div255(n) = (t + t>>8) >> 8
//
// and all terms fit 16 bits, so that kernels in assembly equal the plain Go one bit for bit. TestDiv255 goes over all n.
package mask

import "github.com/steadyframe/steadyframe/internal/impl"

// Kernels is one implementation. Each makes len(mask) pixels, and panics where a row is too short for them. dst may be
// under itself; else rows do not overlap.
type Kernels struct {
	Gray  func(dst, under, over, mask []byte) // pixels of one byte
	RGB24 func(dst, under, over, mask []byte) // pixels of three bytes, which share their mask byte
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() { Implementations.Register(impl.Generic, Kernels{Gray: gray, RGB24: rgb24}) }

func div255(n uint32) byte {
	n += 128
	return byte((n + n>>8) >> 8)
}

func gray(dst, under, over, mask []byte) {
	dst, under, over = dst[:len(mask)], under[:len(mask)], over[:len(mask)]
	for i, m := range mask {
		a := uint32(m)
		dst[i] = div255(a*uint32(over[i]) + (255-a)*uint32(under[i]))
	}
}

func rgb24(dst, under, over, mask []byte) {
	n := 3 * len(mask)
	dst, under, over = dst[:n], under[:n], over[:n]
	for i, m := range mask {
		d, u, o := dst[3*i:][:3:3], under[3*i:][:3:3], over[3*i:][:3:3]
		a := uint32(m)
		b := 255 - a
		d[0] = div255(a*uint32(o[0]) + b*uint32(u[0]))
		d[1] = div255(a*uint32(o[1]) + b*uint32(u[1]))
		d[2] = div255(a*uint32(o[2]) + b*uint32(u[2]))
	}
}
