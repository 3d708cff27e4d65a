// Package near tells rows of bytes that are nearly the same from others.
package near

import (
	"encoding/binary"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation.
type Kernels struct {
	// Bytes reports whether each byte of a differs by most at most from that of b, which is as long. It stops soon after the first
	// that differs more.
	Bytes func(a, b []byte, most uint8) bool
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() { Implementations.Register(impl.Generic, Kernels{Bytes: bytes}) }

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
