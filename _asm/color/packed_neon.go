package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// pixelsNEON loads 16 pixels of step bytes at a time. The weights of its converter are in the order of memory.
type pixelsNEON struct {
	*converterNEON
	step  int
	bytes [3]gen.V // of 16 pixels
}

func newPixelsNEON(n *gen.NEON, step int, to planes, places string) *pixelsNEON {
	p := &pixelsNEON{converterNEON: newConverterNEON(n, to, places), step: step}
	for i := range p.bytes {
		p.bytes[i] = n.Pin(i)
	}
	n.Pin(3) // the fourth bytes
	return p
}

// load returns the words of pixels at the address in a register, which it moves on by them.
func (p *pixelsNEON) load(register string) (words [3]two) {
	p.Do(map[int]string{
		3: "VLD3.P 48(" + register + "), [V0.B16, V1.B16, V2.B16]",
		4: "VLD4.P 64(" + register + "), [V0.B16, V1.B16, V2.B16, V3.B16]",
	}[p.step])
	return p.words()
}

// words returns the words of the pixels that were loaded last.
func (p *pixelsNEON) words() (words [3]two) {
	for i, b := range p.bytes {
		words[i] = two{p.Op("VUSHLL $7, V%d.B8, V%d.H8", b), p.Op("VUSHLL2 $7, V%d.B16, V%d.H8", b)}
	}
	return words
}

// fetch asks for the cache lines so far ahead of a row. It overwrites R12.
func (p *pixelsNEON) fetch(row, ahead string) {
	p.Do(fmt.Sprintf("ADD %s, %s, R12; PRFM (R12), PLDL1KEEP", ahead, row))
}

// neighbors returns the means of the pixels that were loaded last: their sums << 6, which is exact.
func (p *pixelsNEON) neighbors() (means [3]gen.V) {
	for i, b := range p.bytes {
		means[i] = p.Op("VSHL $6, V%d.H8, V%d.H8", p.OpCode(0x6E202800, "UADDLP V%[2]d.8H, V%[1]d.16B", b))
	}
	return means
}

// packedNEON writes PackedYCC, PackedYCCHalf or PackedLuma.
func packedNEON(n *gen.NEON, step int, to planes) {
	name := fmt.Sprintf("packed%d%sNEON", step, to)
	n.Func(name, "first, second, third *int16, src *byte, blocks int, places *byte", fmt.Sprintf(`
%s converts 32*blocks pixels of %d bytes, blocks > 0. places are the weights of a pixel's bytes.`, name, step))
	p := newPixelsNEON(n, step, to, "R5")
	n.Text("\tLSL $1, R4")
	n.Loop("R4", func() {
		p.write(p.load("R3"))
		if to == yccHalf {
			p.writeHalf(p.neighbors())
		}
	})
	n.Text("\tRET")
}

// packedLinesNEON writes PackedLines.
func packedLinesNEON(n *gen.NEON, step int) {
	name := fmt.Sprintf("packed%dLinesNEON", step)
	n.Func(name, "y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte", fmt.Sprintf(`
%s makes two lines of a band, Y of each and the chroma that they share, of two rows of 32*blocks pixels of %d bytes,
blocks > 0. It asks for the cache lines ahead of the rows. It is packed%[2]dYCCHalfNEON for either row, and then
	y[x] = (y[x] + 4) >> 3
	cb[i], cr[i] = (upper.cb[i] + lower.cb[i] + 8) >> 4, (upper.cr[i] + lower.cr[i] + 8) >> 4`, name, step))
	p := newPixelsNEON(n, step, yccHalf, "R8")
	n.Text("\tLSL $1, R7")
	n.Loop("R7", func() {
		var cb, cr two // of each row
		for line := range 2 {
			row := fmt.Sprintf("R%d", 4+line)
			p.fetch(row, "R6")
			words := p.load(row)
			for half := range 2 {
				p.store(line, p.Rounded(p.y([3]gen.V{words[0][half], words[1][half], words[2][half]}), 3))
			}
			means := p.neighbors()
			cb[line], cr[line] = p.weighted(means, p.cb), p.weighted(means, p.cr)
		}
		p.store(2, p.Rounded(p.Add(cb[0], cb[1]), 4))
		p.store(3, p.Rounded(p.Add(cr[0], cr[1]), 4))
	})
	n.Text("\tRET")
}
