package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func neon(n *gen.NEON) {
	prefetchNEON(n)
	for channels := 1; channels <= 2; channels++ {
		for _, far := range []bool{false, true} {
			resizedNEON(n, channels, far)
		}
	}
	for step := 1; step <= 4; step++ {
		areaNEON(n, step)
	}
}

// prefetchNEON writes the kernel of Prefetch.
func prefetchNEON(n *gen.NEON) {
	n.Func("prefetchNEON", "row *byte, lines int", `
prefetchNEON asks for the cache lines of the bytes row, row+64, .. row+64*(lines-1), lines > 0.`)
	n.Loop("R1", func() { n.Do("PRFM (R0), PLDL1KEEP; ADD $64, R0") })
	n.Text("\tRET")
}

// resizedNEON writes a kernel of Resized: of four windows of 16 bytes for 16 samples (near), or for each 8 of them (far).
func resizedNEON(n *gen.NEON, channels int, far bool) {
	name, count := "near", "four"
	if far {
		name, count = "far", "eight"
	}
	name += []string{"Plane", "Pairs"}[channels-1] + "NEON"
	n.Func(name, "first, second *int16, src, table *byte, ahead, groups, bias int", fmt.Sprintf(`
%s interpolates groups*16 samples, groups > 0, of %s windows, and takes bias off each.`, name, count))
	bias := n.PinParam(31, "R6", "bias")
	for v := range 4 {
		n.Pin(v) // the windows
	}
	samples := []gen.V{n.Pin(4), n.Pin(5)}[:channels]
	n.Flush()
	n.Text("\tADD R2, R4 // the row ahead")
	n.Loop("R5", func() {
		for half := range 2 {
			if half == 0 || far {
				for window := 0; window < 4; window += 2 { // two are less than a cache line
					n.Do(fmt.Sprintf("MOVWU %d(R3), R7; ADD R4, R7; PRFM (R7), PLDL1KEEP", 4*window))
				}
				n.Windows("R2", "R3", 16)
			}
			n.Interpolate(samples, "R3")
			for c, v := range samples {
				n.Store(fmt.Sprintf("R%d", c), n.Sub(v, bias))
			}
		}
	})
	n.Text("\tRET")
}
