package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows writes YCC, YCCHalf and Luma for whole vectors.
func rows(f *file, level string) {
	for to := ycc; to <= luma; to++ {
		name := fmt.Sprintf("rows%s%s", to, level)
		f.Func(name, "func(first, second, third, red, green, blue *int16, vectors int)",
			fmt.Sprintf("%s converts %d*vectors samples, vectors > 0.", name, f.width/2))
		c := newConverter(f, to)
		if to == yccHalf {
			c.loadChroma(false)
		}
		var src [3]reg.GPVirtual
		for i := range src {
			src[i] = f.Arg([3]string{"red", "green", "blue"}[i])
		}
		f.Loop("loop", f.Arg("vectors"), 1, func() {
			var p [3]reg.VecVirtual
			for i := range p {
				p[i] = f.vec()
				f.move(operand.Mem{Base: src[i], Index: c.at, Scale: 2}, p[i])
			}
			c.write(p, 0)
			if to == yccHalf {
				c.writeHalf(p)
			}
			c.advance(f.width / 2)
		})
		f.End()
	}
}
