// Command near writes the assembly of internal/kernel/near.
package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("near", map[string]func(*gen.Asm){"avx2": near})
}

func near(a *gen.Asm) {
	compare(a, "vectorsAVX2", "most uint8", 32,
		`vectorsAVX2 reports whether 32*vectors bytes, vectors > 0, differ by most at most.`,
		func() (beyond func(first, second reg.GPVirtual) reg.VecVirtual) {
			limit := gen.Name(a, "most", a.YMM())
			a.VPBROADCASTB(a.ArgAddr("most"), limit)
			return func(first, second reg.GPVirtual) reg.VecVirtual {
				x, y, up, down := a.YMM(), a.YMM(), a.YMM(), a.YMM()
				a.VMOVDQU(gen.At(first, 0), x)
				a.VMOVDQU(gen.At(second, 0), y)
				a.VPSUBUSB(y, x, up)
				a.VPSUBUSB(x, y, down)
				a.VPOR(up, down, up)
				a.VPSUBUSB(limit, up, up)
				return up
			}
		})
	for _, half := range []bool{false, true} {
		name, doc, size := "floatsAVX2", "floatsAVX2 reports whether 8*vectors float32, vectors > 0, differ by most at most.", uint8(32)
		if half {
			name, doc, size = "halvesAVX2", "halvesAVX2 reports whether 8*vectors float16, vectors > 0, differ by most at most.", 16
		}
		compare(a, name, "most float32", size, doc, func() func(first, second reg.GPVirtual) reg.VecVirtual {
			limit, magnitude := gen.Name(a, "most", a.YMM()), gen.Name(a, "all bits but the sign", a.YMM())
			a.VBROADCASTSS(a.ArgAddr("most"), limit)
			a.VPCMPEQD(magnitude, magnitude, magnitude)
			a.VPSRLD(operand.U8(1), magnitude, magnitude)
			return func(first, second reg.GPVirtual) reg.VecVirtual {
				x, y := a.YMM(), a.YMM()
				if half {
					a.VCVTPH2PS(gen.At(first, 0), x)
					a.VCVTPH2PS(gen.At(second, 0), y)
				} else {
					a.VMOVUPS(gen.At(first, 0), x)
					a.VMOVUPS(gen.At(second, 0), y)
				}
				a.VSUBPS(y, x, x)
				a.VANDPS(magnitude, x, x)
				const notAtMost = 6 // true of NaN, too
				a.VCMPPS(operand.U8(notAtMost), limit, x, x)
				return x
			}
		})
	}
}

// compare writes a function that goes over vectors of size bytes. What begin returns is a vector that is 0 where these two are nearly the
// same.
func compare(a *gen.Asm, name, most string, size uint8, doc string, begin func() func(first, second reg.GPVirtual) reg.VecVirtual) {
	a.Func(name, "func(a, b *byte, vectors int, "+most+") bool", doc)
	first, second, vectors := a.Arg("a"), a.Arg("b"), a.Arg("vectors")
	beyond := begin()
	result := gen.Name(a, "result", a.GP8())
	a.XORB(result, result)
	done := a.NewLabel("done")
	a.Loop("loop", vectors, 1, func() {
		differ := beyond(first, second)
		a.VPTEST(differ, differ)
		a.JNE(done)
		a.ADDQ(operand.U8(size), first)
		a.ADDQ(operand.U8(size), second)
	})
	a.MOVB(operand.U8(1), result)
	a.Label(string(done))
	a.Store(result, a.ReturnIndex(0))
	a.End()
}
