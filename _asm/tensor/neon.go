package main

import (
	"fmt"
	"math"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// rowNEON writes Row for 16 samples at a time.
func rowNEON(n *gen.NEON) {
	n.Func("rowNEON", "dst *int16, src *byte, vectors, ahead, factor, offset int", `
rowNEON makes 16*vectors samples, vectors > 0, and asks for the cache lines ahead of src. factor and offset are the bits of a
float32.
	t := float32(src[i]*factor) + offset
	dst[i] = int16(max(min(t, 32640) + 0.5, 0))
FMIN keeps NaN, and FCVTZU makes 0 of it, as of all below 0.`)
	float := func(number int, from, name string) gen.V {
		v := n.Pin(number)
		n.Set(v, from+", V%d.S4 // "+name)
		return v
	}
	constant := func(number int, f float32, name string) gen.V {
		return float(number, fmt.Sprintf("MOVD $0x%08x, R15; VDUP R15", math.Float32bits(f)), name)
	}
	factor, offset := float(28, "VDUP R4", "factor"), float(29, "VDUP R5", "offset")
	top, half := constant(30, 32640, "32640"), constant(31, 0.5, "0.5")
	add := func(x, y gen.V) gen.V {
		return n.OpCode(0x4E20D400, "FADD V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
	}
	n.Flush()
	n.Loop("R2", func() {
		n.Do("ADD R3, R1, R12; PRFM (R12), PLDL1KEEP")
		for range 2 {
			var whole [2]gen.V
			for i := range whole {
				v := n.OpCode(0x6E20DC00, "FMUL V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", n.Load("R1"), factor)
				v = n.OpCode(0x4EA0F400, "FMIN V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", add(v, offset), top)
				whole[i] = n.OpCode(0x6EA1B800, "FCVTZU V%[2]d.4S, V%[1]d.4S", add(v, half))
			}
			n.Store("R0", n.Op("VUZP1 V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", whole[0], whole[1])) // their lower halves
		}
	})
	n.Text("\tRET")
}
