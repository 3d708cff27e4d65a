//go:build !purego

package fft

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{
			lanes: 16, frames: framesAVX512,
			first: [6]func(work *float32, blocks int){2: first2AVX512, first3AVX512, first4AVX512, first5AVX512},
			pass:  [6]func(work, twiddles *float32, length, blocks int){2: pass2AVX512, pass3AVX512, pass4AVX512, pass5AVX512},
			power: powerAVX512, magnitude: magnitudeAVX512,
		})
	}
}

//go:noescape
func framesAVX512(dst, src, window, shift *float32, order *int32, hop, quads int)

//go:noescape
func first2AVX512(work *float32, blocks int)

//go:noescape
func first3AVX512(work *float32, blocks int)

//go:noescape
func first4AVX512(work *float32, blocks int)

//go:noescape
func first5AVX512(work *float32, blocks int)

//go:noescape
func pass2AVX512(work, twiddles *float32, length, blocks int)

//go:noescape
func pass3AVX512(work, twiddles *float32, length, blocks int)

//go:noescape
func pass4AVX512(work, twiddles *float32, length, blocks int)

//go:noescape
func pass5AVX512(work, twiddles *float32, length, blocks int)

//go:noescape
func powerAVX512(dst, work, halving *float32, size int)

//go:noescape
func magnitudeAVX512(dst, work, halving *float32, size int)
