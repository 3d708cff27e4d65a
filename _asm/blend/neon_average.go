package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// average takes 16 columns at a time, of the n >= 64 that the other levels want, too.
func (b blenderNEON) average() {
	b.Func("averageNEON", averageSignature, "averageNEON "+averageDoc)
	const dst, before, whole, behind, n, stride, ahead, rows, row, left = 0, 1, 2, 3, 4, 5, 6, 7, 12, 13
	var sums [2]gen.V
	for i := range sums {
		sums[i] = b.Pin(i)
	}
	wBefore, weight, wBehind, shift := b.PinParam(28, "R8", "wBefore"), b.PinParam(29, "R9", "weight"), b.PinParam(30, "R10", "wBehind"), b.PinParam(31, "R11", "shift")
	b.Flush()
	b.Text("\nloop:")
	for _, sum := range sums {
		b.Set(sum, "VMOVI $0, V%d.B16")
	}
	b.Do(fmt.Sprintf("MOVD R%d, R%d; MOVD R%d, R%d", whole, row, rows, left))
	b.Flush()
	b.Text(fmt.Sprintf("\tCBZ R%d, weigh\n\nwhole:", left))
	b.words(row, ahead, func(i int, v gen.V) { b.Set(sums[i], "VADD V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", sums[i], v) })
	b.Do(fmt.Sprintf("ADD R%d, R%d", stride, row))
	b.Flush()
	b.Text(fmt.Sprintf("\tSUBS $1, R%d\n\tBNE whole\n\nweigh:", left))
	for _, sum := range sums {
		b.SetCode(sum, 0x6E604400, "USHL V%[3]d.8H, V%[1]d.8H, V%[2]d.8H", sum, shift)
		low, high := b.products(sum, weight)
		b.Set(sum, uppers, low, high)
	}
	b.Flush()
	b.beside(sums, before, -1, wBefore, "before")
	b.beside(sums, behind, ahead, wBehind, "behind")
	b.Do(fmt.Sprintf("VST1.P [V%%d.B16, V%%d.B16], 32(R%d)", dst), sums[0], sums[1])
	for _, at := range []int{before, whole, behind} {
		b.Do(fmt.Sprintf("ADD $16, R%d", at))
	}
	b.Flush()
	b.Text(fmt.Sprintf("\tSUB $16, R%[1]d\n\tCMP $16, R%[1]d\n\tBGE loop\n\tCBZ R%[1]d, done", n))
	b.Text(fmt.Sprintf("\tSUB $16, R%d // back, to where 16 are left", n))
	for _, at := range []int{before, whole, behind} {
		b.Text(fmt.Sprintf("\tADD R%d, R%[2]d, R%[2]d", n, at))
	}
	b.Text(fmt.Sprintf("\tADD R%d<<1, R%[2]d, R%[2]d\n\tMOVD $16, R%[1]d\n\tB loop\n\ndone:\n\tRET", n, dst))
}

// words has each called for the two vectors of words that 16 columns of a row are.
func (b blenderNEON) words(row, ahead int, each func(i int, v gen.V)) {
	if ahead >= 0 {
		b.Do(fmt.Sprintf("ADD R%d, R%d, R14; PRFM (R14), PLDL1KEEP", ahead, row))
	}
	v := b.Op(fmt.Sprintf("VLD1 (R%d), [V%%d.B16]", row))
	each(0, b.Op("VUXTL V%d.B8, V%d.H8", v))
	each(1, b.Op("VUXTL2 V%d.B16, V%d.H8", v))
}

// products returns the products of unsigned words.
func (b blenderNEON) products(x, y gen.V) (low, high gen.V) {
	return b.OpCode(0x2E60C000, "UMULL V%[3]d.4S, V%[1]d.4H, V%[2]d.4H", x, y),
		b.OpCode(0x6E60C000, "UMULL2 V%[3]d.4S, V%[1]d.8H, V%[2]d.8H", x, y)
}

// uppers takes two vectors of products to their upper halves.
const uppers = "VUZP2 V%[2]d.H8, V%[1]d.H8, V%[3]d.H8"

// beside adds the weighted row before or behind the whole ones, if there is one. Without one its register counts up from
// zero, so that it is asked for by its weight.
func (b blenderNEON) beside(sums [2]gen.V, row, ahead int, weight gen.V, name string) {
	register := map[string]string{"before": "R8", "behind": "R10"}[name]
	b.Text(fmt.Sprintf("\tCBZ %s, no%s", register, name))
	b.words(row, ahead, func(i int, v gen.V) {
		low, high := b.products(b.Op("VSHL $8, V%d.H8, V%d.H8", v), weight)
		b.Set(sums[i], "VADD V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", sums[i], b.Op(uppers, low, high))
	})
	b.Flush()
	b.Text(fmt.Sprintf("\nno%s:", name))
}
