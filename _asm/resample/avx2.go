package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func avx2(a *gen.Asm) {
	prefetch(a)
	resized(a)
	area(a)
	wide(a)
}

// prefetch writes the kernel of Prefetch.
func prefetch(a *gen.Asm) {
	a.Func("prefetchAVX2", "func(row *byte, lines int)", `
prefetchAVX2 asks for the cache lines of the bytes row, row+64, .. row+64*(lines-1), lines > 0.`)
	row, lines := a.Arg("row"), a.Arg("lines")
	a.Loop("loop", lines, 1, func() {
		a.PREFETCHT0(gen.At(row, 0))
		a.ADDQ(operand.U8(64), row)
	})
	a.RET()
}
