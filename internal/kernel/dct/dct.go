// Package dct turns strips of 8x8 blocks of samples into quantized DCT coefficients, and says which are not zero.
//
// The arithmetic is 16 bits wide everywhere and is defined by one rounding multiplication, which SSSE3 has as
// PMULHRSW and NEON as SQRDMULH:
//
//	mulhrs(a, b) = (a*b + 1<<14) >> 15
//
// so that kernels written for those instructions equal the plain Go one bit for bit. docs/adr/0005-jpeg-arithmetic.md
// says why it is so.
package dct

import "github.com/steadyframe/steadyframe/internal/impl"

// BlockSize is the number of samples along an edge of a block.
const BlockSize = 8

// Coefs is one block of quantized coefficients, column by column: that of vertical frequency v and horizontal frequency
// u is at 8*u+v, where the transform leaves it. Few coefficients are not zero, so that code that goes through them in
// zig-zag order looks their places up in Order.
type Coefs = [64]int16

// Kernels is one implementation of this package's kernels.
type Kernels struct {
	// Forward transforms and quantizes len(masks) blocks that lie side by side. The rows of the first start at
	// src[0], src[stride], ...; samples are centered and have 4 fractional bits: -2048..2032 for 8-bit ones, and
	// -2040..2040 for chroma made of 8-bit R, G, B.
	//
	// masks[i] has bit k set where the AC coefficient of block i at zig-zag index k is not zero; bit 0 is clear.
	// coefs[i][0] is the DC coefficient; AC coefficients whose bit is clear are 0.
	//
	// DC is in -1024..1020 and AC in -1021..1021 for any quantization table, so that baseline's 10 bits need no
	// clamp: an AC basis function sums to zero, so a coefficient is at most 127.5 times the sum of its absolute
	// values, 8 for the largest, and 1,020; the rounding adds less than 1.
	//
	// While it works it fetches what lies in fetch into the caches, if that has Fetch bytes for each block.
	//
	// It panics where coefs or src are too short for len(masks) blocks.
	Forward func(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table, fetch []byte)

	// Fetch is how many bytes Forward can fetch for each block; 0: none.
	Fetch int
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() { Implementations.Register(impl.Generic, Kernels{Forward: forward}) }
