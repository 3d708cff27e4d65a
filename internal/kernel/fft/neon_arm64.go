//go:build !purego

package fft

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	Implementations.Register(impl.NEON, Kernels{
		lanes: 8, frames: framesNEON,
		first: [6]func(work *float32, blocks int){2: first2NEON, first3NEON, first4NEON, first5NEON},
		pass:  [6]func(work, twiddles *float32, length, blocks int){2: pass2NEON, pass3NEON, pass4NEON, pass5NEON},
		power: powerNEON, magnitude: magnitudeNEON,
	})
}

//go:noescape
func framesNEON(dst, src, window, shift *float32, order *int32, hop, quads int)

//go:noescape
func first2NEON(work *float32, blocks int)

//go:noescape
func first3NEON(work *float32, blocks int)

//go:noescape
func first4NEON(work *float32, blocks int)

//go:noescape
func first5NEON(work *float32, blocks int)

//go:noescape
func pass2NEON(work, twiddles *float32, length, blocks int)

//go:noescape
func pass3NEON(work, twiddles *float32, length, blocks int)

//go:noescape
func pass4NEON(work, twiddles *float32, length, blocks int)

//go:noescape
func pass5NEON(work, twiddles *float32, length, blocks int)

//go:noescape
func powerNEON(dst, work, halving *float32, size int)

//go:noescape
func magnitudeNEON(dst, work, halving *float32, size int)
