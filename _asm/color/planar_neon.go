package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// planesNEON loads planes R, G, B, 16 bytes of each at a time. The address of rows is in R4, their distance to what is asked
// for in R5.
type planesNEON struct {
	*pixelsNEON
	rows []string // registers
}

// newPlanesNEON loads the addresses of so many rows. R18 is the platform's, R27 and R28 are Go's.
func newPlanesNEON(n *gen.NEON, count int) *planesNEON {
	p := &planesNEON{pixelsNEON: newPixelsNEON(n, 1, yccHalf, "")}
	for i, number := range []int{7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 19, 20}[:count] {
		p.rows = append(p.rows, fmt.Sprintf("R%d", number))
		n.Text(fmt.Sprintf("\tMOVD %d(R4), %s", 8*i, p.rows[i]))
	}
	return p
}

// loadBytes sets a channel's bytes to those at a row, which it moves on by them.
func (p *planesNEON) loadBytes(channel int, row string) {
	p.fetch(row, "R5")
	p.Set(p.bytes[channel], "VLD1.P 16("+row+"), [V%d.B16]")
}

// planarLinesNEON writes PlanarLines.
func planarLinesNEON(n *gen.NEON) {
	n.Func("planarLinesNEON", planarSignature, planarLinesDoc("planarLinesNEON"))
	p := newPlanesNEON(n, 6)
	n.Text("\tLSL $1, R6")
	n.Loop("R6", func() {
		var cb, cr two // of each line
		for line := range 2 {
			for c := range p.bytes {
				p.loadBytes(c, p.rows[3*line+c])
			}
			words := p.words()
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

// halvedPlanarLinesNEON writes HalvedPlanarLines.
func halvedPlanarLinesNEON(n *gen.NEON) {
	n.Func("halvedPlanarLinesNEON", planarSignature, halvedPlanarLinesDoc("halvedPlanarLinesNEON", 16))
	p := newPlanesNEON(n, 12)
	lines := pinLinesNEON(n)
	n.Loop("R6", func() {
		p.halvedBlock(lines, func(line, half int) {
			for c := range p.bytes {
				for k, row := range p.rows[6*line+2*c:][:2] {
					p.loadBytes(c, row)
					p.sum(lines[line][c][half], p.bytes[c], k)
				}
			}
		})
	})
	n.Text("\tRET")
}
