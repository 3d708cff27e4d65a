package fft

import "github.com/steadyframe/steadyframe/internal/impl"

// Kernels is one implementation. What is nil is done in plain Go.
type Kernels struct {
	lanes int // a multiple of group

	// frames is Frames for the first 4*quads samples.
	frames func(dst, src, window, shift *float32, order *int32, hop, quads int)
	// first is a pass without twiddles, by radix: transforms of so many blocks of numbers side by side.
	first [6]func(work *float32, blocks int)
	// pass is any other pass, by radix.
	pass [6]func(work, twiddles *float32, length, blocks int)
	// power and magnitude take the pairs of bins k and size-k, 0 <= k <= size/2.
	power, magnitude func(dst, work, halving *float32, size int)
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{lanes: group})
}
