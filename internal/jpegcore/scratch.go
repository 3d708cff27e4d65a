package jpegcore

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// Scratch is one worker's coding state and memory: coefficients, symbols, bits, DC predictors. It belongs to one
// Coder and one goroutine at a time.
type Scratch struct {
	band    int // the next
	mcu     int // the next, of the image
	left    int // MCUs until the segment ends
	segment int // the current

	strip huff.Strip
	syms  []huff.Symbol
	bits  huff.Partial // what is not in a byte yet
	raw   []byte       // of a strip, before stuffing
	out   []byte       // of the band
}

// NewScratch returns a Scratch for c. Nothing else of the coder allocates.
func (c *Coder) NewScratch() *Scratch {
	blocks := c.stripBlocks()
	return &Scratch{
		strip: huff.Strip{Coefs: make([]dct.Coefs, blocks), Masks: make([]uint64, blocks), Order: &dct.Order, Slots: c.slots},
		syms:  make([]huff.Symbol, huff.MaxSymbols(blocks)),
		raw:   make([]byte, c.rawBytes()),
		out:   make([]byte, 0, c.MaxBandBytes()),
	}
}

// ScratchBytes returns the size of a Scratch in bytes.
func (c *Coder) ScratchBytes() int {
	blocks := c.stripBlocks()
	const block = int(unsafe.Sizeof(dct.Coefs{}) + unsafe.Sizeof(uint64(0)))
	return int(unsafe.Sizeof(Scratch{})) + blocks*block + huff.MaxSymbols(blocks)*int(unsafe.Sizeof(huff.Symbol(0))) + c.rawBytes() + c.MaxBandBytes()
}

func (c *Coder) stripBlocks() int { return stripMCUs * len(c.slots) }

// rawBytes is a strip's bytes, one of bits carried in or padded out, and what Write writes beyond.
func (c *Coder) rawBytes() int { return c.stripBlocks()*huff.MaxBlockBytes + 1 + huff.WriteSlack }

// Begin starts a run of bands at band i, which must be a multiple of RunBands. Runs that begin at different bands may
// be coded in any order, or at the same time in different Scratches: their bytes, one after the other, are those of
// one run over all bands.
func (c *Coder) Begin(s *Scratch, i int) {
	if i < 0 || i >= c.rows || i%c.RunBands() != 0 {
		panic("jpegcore: run begins inside a segment")
	}
	s.band = i
	s.mcu = i * c.perRow
	s.bits = huff.Partial{}
	s.beginSegment(c, s.mcu/c.interval)
}

func (s *Scratch) beginSegment(c *Coder, n int) {
	s.segment = n
	s.left = min(c.interval, c.perRow*c.rows-s.mcu)
	s.strip.Pred = [3]int32{}
}
