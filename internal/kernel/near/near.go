// Package near tells rows of samples that are nearly the same from others.
package near

import (
	"encoding/binary"
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation.
type Kernels struct {
	// Bytes reports whether each byte of a differs by most at most from that of b, which is as long. It stops soon after the first
	// that differs more.
	Bytes func(a, b []byte, most uint8) bool

	// Floats and Halves do so for float32 and float16, little-endian, of which rows have whole ones. The difference is rounded to
	// float32. What is NaN, and what differs from infinity, or is it, differs more than any most.
	Floats, Halves func(a, b []byte, most float32) bool
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{Bytes: bytes, Floats: floats, Halves: halves})
}

// even is every second byte of a word.
const even = 0x00FF00FF00FF00FF

func bytes(a, b []byte, most uint8) bool {
	b = b[:len(a)]
	limit := uint64(most) * 0x0001000100010001
	for len(a) >= 8 {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		if x != y && (beyond(x&even, y&even, limit)|beyond(x>>8&even, y>>8&even, limit)) != 0 {
			return false
		}
		a, b = a[8:], b[8:]
	}
	for i := range a {
		if max(a[i], b[i])-min(a[i], b[i]) > most {
			return false
		}
	}
	return true
}

// beyond returns a word that is not 0 when one of the four lanes of 16 bits, each with a value of 8, of x and y differ by more than
// that of limit.
func beyond(x, y, limit uint64) uint64 {
	const bias = 0x0100010001000100
	// In each lane 256 + limit - (x-y) is below 256, so that its bit 8 is 0, when x-y is beyond the limit. It is never below 0,
	// and below 768: lanes do not touch. The same holds of y-x.
	low := (bias + limit + y) - x
	high := (bias + limit + x) - y
	const bits = 0x0300030003000300
	return zeroLanes(low&bits) | zeroLanes(high&bits)
}

// zeroLanes returns a bit for each lane of 16 bits that is 0. Lanes have bits 8 and 9 alone.
func zeroLanes(x uint64) uint64 { return ^(x>>8 | x>>9) & 0x0001000100010001 }

func floats(a, b []byte, most float32) bool {
	b = b[:len(a)]
	for len(a) >= 4 {
		x, y := binary.LittleEndian.Uint32(a), binary.LittleEndian.Uint32(b)
		if !within(math.Float32frombits(x), math.Float32frombits(y), most) {
			return false
		}
		a, b = a[4:], b[4:]
	}
	return true
}

func halves(a, b []byte, most float32) bool {
	b = b[:len(a)]
	for len(a) >= 2 {
		x, y := binary.LittleEndian.Uint16(a), binary.LittleEndian.Uint16(b)
		if !within(half(x), half(y), most) {
			return false
		}
		a, b = a[2:], b[2:]
	}
	return true
}

// within reports whether x and y differ by most at most.
func within(x, y, most float32) bool {
	d := x - y
	return d <= most && d >= -most
}

// half returns the value of a float16 with these bits (IEEE 754-2019, 3.4), as package tensor has it.
func half(bits uint16) float32 {
	const exponent = 0x7c00
	magnitude, sign := uint32(bits&0x7fff), uint32(bits&0x8000)<<16
	switch bits & exponent {
	case exponent: // infinity, NaN
		magnitude = 0x7f800000 | magnitude<<13
	case 0:
		magnitude = math.Float32bits(float32(magnitude) * 0x1p-24)
	default:
		magnitude = magnitude<<13 + (127-15)<<23
	}
	return math.Float32frombits(sign | magnitude)
}
