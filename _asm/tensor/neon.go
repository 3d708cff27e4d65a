package main

import (
	"fmt"
	"math"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// neon writes the kernels, for 16 samples at a time.
func neon(n *gen.NEON) {
	for _, half := range []bool{false, true} {
		rowNEON(n, half)
		pixelsNEON(n, half)
	}
}

// converterNEON writes what becomes of floats.
type converterNEON struct {
	*gen.NEON
	half bool

	factor, offset, top, middle gen.V
}

// newConverterNEON begins a kernel, whose last parameters are factor and offset, in the registers from a number on.
func newConverterNEON(n *gen.NEON, half bool, kernel, params string, factor int, doc string) *converterNEON {
	samples := "float32"
	if half {
		samples = "float16"
	}
	kernel = nameOf(kernel, half)
	n.Func(kernel+"NEON", params, fmt.Sprintf(`
%sNEON makes %s, and asks for the cache lines ahead of src. src is %s. factor and
offset are the bits of a float32.
	t := float32(src[i]*factor) + offset
	dst[i] = int16(max(min(t, 32640) + 0.5, 0))
FMIN keeps NaN, and FCVTZU makes 0 of it, as of all below 0.`, kernel, doc, samples))
	c := &converterNEON{NEON: n, half: half}
	float := func(number int, from, name string) gen.V {
		v := n.Pin(number)
		n.Set(v, from+", V%d.S4 // "+name)
		return v
	}
	constant := func(number int, f float32, name string) gen.V {
		return float(number, fmt.Sprintf("MOVD $0x%08x, R15; VDUP R15", math.Float32bits(f)), name)
	}
	c.factor = float(28, fmt.Sprintf("VDUP R%d", factor), "factor")
	c.offset = float(29, fmt.Sprintf("VDUP R%d", factor+1), "offset")
	c.top, c.middle = constant(30, 32640, "32640"), constant(31, 0.5, "0.5")
	n.Flush()
	return c
}

func (c *converterNEON) add(x, y gen.V) gen.V {
	return c.OpCode(0x4E20D400, "FADD V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

// whole returns four samples as doublewords.
func (c *converterNEON) whole(v gen.V) gen.V {
	v = c.OpCode(0x6E20DC00, "FMUL V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", v, c.factor)
	v = c.OpCode(0x4EA0F400, "FMIN V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", c.add(v, c.offset), c.top)
	return c.OpCode(0x6EA1B800, "FCVTZU V%[2]d.4S, V%[1]d.4S", c.add(v, c.middle))
}

// words returns eight samples.
func (c *converterNEON) words(low, high gen.V) gen.V {
	return c.Op("VUZP1 V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", c.whole(low), c.whole(high)) // their lower halves
}

// wide returns the floats of the lower four of eight float16, and of the upper.
func (c *converterNEON) wide(v gen.V) (low, high gen.V) {
	return c.OpCode(0x0E217800, "FCVTL V%[2]d.4S, V%[1]d.4H", v), c.OpCode(0x4E217800, "FCVTL2 V%[2]d.4S, V%[1]d.8H", v)
}

// rowNEON writes a kernel of Row.
func rowNEON(n *gen.NEON, half bool) {
	c := newConverterNEON(n, half, "row", "dst *int16, src *byte, vectors, ahead, factor, offset int", 4,
		"16*vectors samples, vectors > 0")
	n.Loop("R2", func() {
		n.Do("ADD R3, R1, R12; PRFM (R12), PLDL1KEEP")
		for range 2 {
			if half {
				n.Store("R0", c.words(c.wide(n.Load("R1"))))
			} else {
				n.Store("R0", c.words(n.Load("R1"), n.Load("R1")))
			}
		}
	})
	n.Text("\tRET")
}

// pixelsNEON writes a kernel of Pixels.
func pixelsNEON(n *gen.NEON, half bool) {
	c := newConverterNEON(n, half, "pixels", "first, second, third *int16, src *byte, vectors, ahead, factor, offset int", 6,
		"16*vectors samples of each of three rows, vectors > 0, of pixels of three samples")
	var low, high [3]gen.V // of 8 pixels
	for i := range low {
		low[i], high[i] = n.Pin(i), n.Pin(4+i)
	}
	n.Loop("R4", func() {
		for range 2 {
			n.Do("ADD R5, R3, R12; PRFM (R12), PLDL1KEEP")
			if half {
				n.Do("VLD3.P 48(R3), [V0.H8, V1.H8, V2.H8]")
			} else {
				n.Do("VLD3.P 48(R3), [V0.S4, V1.S4, V2.S4]")
				n.Do("ADD $48, R12; PRFM (R12), PLDL1KEEP")
				n.Do("VLD3.P 48(R3), [V4.S4, V5.S4, V6.S4]")
			}
			for i := range low {
				from, to := low[i], high[i]
				if half {
					from, to = c.wide(low[i])
				}
				n.Store(fmt.Sprintf("R%d", i), c.words(from, to))
			}
		}
	})
	n.Text("\tRET")
}
