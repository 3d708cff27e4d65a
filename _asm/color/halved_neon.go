package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// halvedLinesNEON writes HalvedLines.
func halvedLinesNEON(n *gen.NEON, step int) {
	name := fmt.Sprintf("halved%dLinesNEON", step)
	n.Func(name, halvedSignature, halvedDoc(name, 16, step)+"\nplaces are the weights of a pixel's bytes.")
	p := newPixelsNEON(n, step, yccHalf, "R9")
	lines := pinLinesNEON(n)
	n.Text("\tADD R6, R4, R10 // the rows below\n\tADD R6, R5, R11")
	n.Loop("R8", func() {
		p.halvedBlock(lines, func(line, half int) {
			p.halve([3]gen.V{lines[line][0][half], lines[line][1][half], lines[line][2][half]}, [2][2]string{{"R4", "R10"}, {"R5", "R11"}}[line])
		})
	})
	n.Text("\tRET")
}

// pinLinesNEON returns registers for R, G, B of 16 samples of two lines.
func pinLinesNEON(n *gen.NEON) (lines [2][3]two) {
	for i := range lines {
		for c := range lines[i] {
			lines[i][c] = two{n.Pin(4 + 6*i + 2*c), n.Pin(5 + 6*i + 2*c)}
		}
	}
	return lines
}

// halvedBlock makes 16 samples of two lines: load sets 8 of those of a line.
func (p *pixelsNEON) halvedBlock(lines [2][3]two, load func(line, half int)) {
	for i := range lines {
		for half := range 2 {
			load(i, half)
			p.store(i, p.Rounded(p.y([3]gen.V{lines[i][0][half], lines[i][1][half], lines[i][2][half]}), 3))
		}
	}
	for c, upper := range lines[0] {
		for half := range 2 {
			p.SetCode(upper[half], 0x6E601400, "URHADD V%[3]d.8H, V%[1]d.8H, V%[2]d.8H", upper[half], lines[1][c][half])
		}
	}
	means := p.means(lines[0])
	p.store(2, p.Rounded(p.weighted(means, p.cb), 3))
	p.store(3, p.Rounded(p.weighted(means, p.cr), 3))
}

// halve sets R, G, B of 8 samples to the sums of 2x2 pixels of two rows << 5, and moves the rows on by them.
func (p *pixelsNEON) halve(samples [3]gen.V, rows [2]string) {
	for k, row := range rows {
		p.fetch(row, "R7")
		p.Do(map[int]string{
			3: "VLD3.P 48(" + row + "), [V0.B16, V1.B16, V2.B16]",
			4: "VLD4.P 64(" + row + "), [V0.B16, V1.B16, V2.B16, V3.B16]",
		}[p.step])
		for c, b := range p.bytes {
			p.sum(samples[c], b, k)
		}
	}
}

// sum sets samples to the sums of pairs of bytes of row 0, and of row 1 to those of both rows << 5.
func (p *pixelsNEON) sum(samples, bytes gen.V, row int) {
	if row == 0 {
		p.SetCode(samples, 0x6E202800, "UADDLP V%[2]d.8H, V%[1]d.16B", bytes)
		return
	}
	p.SetCode(samples, 0x6E206800, "UADALP V%[2]d.8H, V%[1]d.16B", bytes)
	p.Set(samples, "VSHL $5, V%d.H8, V%d.H8", samples)
}
