//go:build !purego

package fft

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{
			lanes: 8, frames: framesAVX2,
			first: [6]func(work *float32, blocks int){2: first2AVX2, first3AVX2, first4AVX2, first5AVX2},
			pass:  [6]func(work, twiddles *float32, length, blocks int){2: pass2AVX2, pass3AVX2, pass4AVX2, pass5AVX2},
			power: powerAVX2, magnitude: magnitudeAVX2,
		})
	}
}

//go:noescape
func framesAVX2(dst, src, window, shift *float32, order *int32, hop, quads int)

//go:noescape
func first2AVX2(work *float32, blocks int)

//go:noescape
func first3AVX2(work *float32, blocks int)

//go:noescape
func first4AVX2(work *float32, blocks int)

//go:noescape
func first5AVX2(work *float32, blocks int)

//go:noescape
func pass2AVX2(work, twiddles *float32, length, blocks int)

//go:noescape
func pass3AVX2(work, twiddles *float32, length, blocks int)

//go:noescape
func pass4AVX2(work, twiddles *float32, length, blocks int)

//go:noescape
func pass5AVX2(work, twiddles *float32, length, blocks int)

//go:noescape
func powerAVX2(dst, work, halving *float32, size int)

//go:noescape
func magnitudeAVX2(dst, work, halving *float32, size int)
