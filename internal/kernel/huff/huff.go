// Package huff turns quantized DCT coefficients into the entropy-coded bytes of a baseline JPEG (ITU-T T.81, annex
// F.1.2), in three steps:
//
//  1. Flatten lists the symbols of a run of MCUs: a 16-bit index for each DC difference, AC coefficient and end of
//     block.
//  2. Write looks each up in one table of codes and packs the bits into bytes. It has no idea of blocks.
//  3. Stuff inserts a zero byte after each 0xFF.
//
// docs/adr/0006-symbol-list.md says why.
package huff

import "github.com/steadyframe/steadyframe/internal/impl"

// Kernels is one implementation of this package's kernels.
type Kernels struct {
	// Flatten writes the symbols of MCUs first..first+n-1 of s, in scan order, n >= 1, to dst and returns how many
	// there are: an even number, at most MaxSymbols(blocks), the room that dst must have. It updates s.Pred. It panics
	// where dst is too short for the symbols, or s for the MCUs.
	Flatten func(dst []Symbol, s *Strip, first, n int) int

	// Write packs the codes of syms, an even number, behind the bits of p, and returns how many whole bytes it wrote
	// to dst; what is left over stays in p. It may write up to 8 bytes more than it counts. It panics where dst is
	// shorter than that.
	Write func(dst []byte, syms []Symbol, c *Codes, p *Partial) int

	// Stuff copies src to dst with a zero byte after each 0xFF, and returns how many bytes it wrote: at most
	// 2*len(src), the room that dst must have.
	Stuff func(dst, src []byte) int
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{Flatten: flatten, Write: write, Stuff: stuff})
}

const (
	// maxBlockSymbols is a DC difference and 63 AC coefficients of two symbols each, and one that makes the number even.
	maxBlockSymbols = 128

	// symbolSlack is what Flatten may write beyond the symbols of a last block that has the most.
	symbolSlack = 32

	// MaxBlockBytes bounds the bytes of one block before stuffing: a DC code of 9 + 11 or 11 + 11 bits, 63 AC codes
	// of 16 + 10 bits.
	MaxBlockBytes = (22 + 63*26 + 7) / 8

	// WriteSlack is the room that Write needs in dst beyond the bytes it writes.
	WriteSlack = 8
)

// MaxSymbols returns the room that Flatten needs for the symbols of so many blocks.
func MaxSymbols(blocks int) int { return blocks*maxBlockSymbols + symbolSlack }
