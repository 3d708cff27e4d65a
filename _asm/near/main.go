// Command near writes the assembly of internal/kernel/near.
package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("near", map[string]func(*gen.Asm){"avx2": near})
}

func near(a *gen.Asm) {
	a.Func("vectorsAVX2", "func(a, b *byte, vectors int, most uint8) bool",
		`vectorsAVX2 reports whether 32*vectors bytes, vectors > 0, differ by most at most.`)
	first, second, vectors := a.Arg("a"), a.Arg("b"), a.Arg("vectors")
	limit := gen.Name(a, "most", a.YMM())
	a.VPBROADCASTB(a.ArgAddr("most"), limit)
	result := gen.Name(a, "result", a.GP8())
	a.XORB(result, result)
	done := a.NewLabel("done")
	a.Loop("loop", vectors, 1, func() {
		x, y, up, down := a.YMM(), a.YMM(), a.YMM(), a.YMM()
		a.VMOVDQU(gen.At(first, 0), x)
		a.VMOVDQU(gen.At(second, 0), y)
		a.VPSUBUSB(y, x, up)
		a.VPSUBUSB(x, y, down)
		a.VPOR(up, down, up)
		a.VPSUBUSB(limit, up, up)
		a.VPTEST(up, up)
		a.JNE(done)
		a.ADDQ(operand.U8(32), first)
		a.ADDQ(operand.U8(32), second)
	})
	a.MOVB(operand.U8(1), result)
	a.Label(string(done))
	a.Store(result, a.ReturnIndex(0))
	a.End()
}
