package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// areaNEON writes a kernel of Covered: 4 samples at a time, in as many rounds as a table says. A round takes 8 samples of
// one channel, 4 of two, or 2 of three. For 4 samples the table is, in bytes:
//
//	rounds    8
//	offsets   4 each: of the words of each sample
//
// and for each round
//
//	weights   16, 8 or 4 of each sample: of one channel, of two, of three
func areaNEON(n *gen.NEON, step int) {
	name := fmt.Sprintf("area%dNEON", step)
	n.Func(name, "first, second, third, src *int16, table *byte, groups, bias int",
		fmt.Sprintf("%s makes groups*16 samples, groups > 0, of words of which each %d. is of a channel.", name, step))
	a := &areaNEONKernel{NEON: n, step: step}
	for i := range a.sums {
		a.sums[i] = n.Pin(i)
	}
	for i := range a.weights {
		a.weights[i] = n.Pin(12 + i)
	}
	a.bias = n.PinParam(31, "R6", "bias")
	n.Flush()
	n.Text("\tLSL $2, R5")
	n.Loop("R5", func() {
		for _, v := range a.sums {
			n.Set(v, "VMOVI $0, V%d.B16")
		}
		n.Do("MOVD.P 8(R4), R7")
		n.Do("LDPW.P 8(R4), (R10, R11)")
		n.Do("LDPW.P 8(R4), (R12, R13)")
		for i := range a.sums {
			n.Do(fmt.Sprintf("ADD R3, R%d", 10+i))
		}
		n.Flush()
		n.Text("\nround:")
		n.Do([...]string{
			1: "VLD1.P 64(R4), [V12.H8, V13.H8, V14.H8, V15.H8]", 2: "VLD1.P 32(R4), [V12.H8, V13.H8]",
			3: "VLD1.P 16(R4), [V12.H8]", 4: "VLD1.P 16(R4), [V12.H8]",
		}[step])
		for i := range a.sums {
			a.add(i)
		}
		n.Flush()
		n.Text("\tSUBS $1, R7\n\tBNE round")
		a.store()
	})
	n.Text("\tRET")
}

// areaNEONKernel is the registers of a kernel of Covered.
type areaNEONKernel struct {
	*gen.NEON
	step    int
	sums    [4]gen.V // of a sample: doublewords of its channels, and some that do not matter; of one channel, to be added up
	weights [4]gen.V // words, in registers that can be taken by lanes
	bias    gen.V
}

// add adds a round to the sums of a sample, and moves its words on.
func (a *areaNEONKernel) add(sample int) {
	sum, at := a.sums[sample], 10+sample
	if a.step == 1 {
		v := a.Load(fmt.Sprintf("R%d", at))
		a.SetCode(sum, 0x0E608000, "SMLAL V%[3]d.4S, V%[1]d.4H, V%[2]d.4H", v, a.weights[sample])
		a.SetCode(sum, 0x4E608000, "SMLAL2 V%[3]d.4S, V%[1]d.8H, V%[2]d.8H", v, a.weights[sample])
		return
	}
	each, load := 2, "FMOVD"
	if a.step == 2 {
		each, load = 4, "FMOVS"
	}
	for i := range each {
		v := a.Op(fmt.Sprintf("%s %d(R%d), F%%d", load, 2*a.step*i, at))
		lane := (sample*each + i) % 8
		code := uint32(0x0F402000 | lane&1<<20 | lane>>1&1<<21 | lane>>2<<11)
		text := fmt.Sprintf("SMLAL V%%[3]d.4S, V%%[1]d.4H, V%%[2]d.H[%d]", lane)
		a.SetCode(sum, code, text, v, a.weights[sample*each/8])
	}
	a.Do(fmt.Sprintf("ADD $%d, R%d", 2*a.step*each, at))
}

// store writes 4 samples of each channel.
func (a *areaNEONKernel) store() {
	zip := func(half int, as string, x, y gen.V) gen.V {
		return a.Op(fmt.Sprintf("VZIP%d V%%[2]d.%s, V%%[1]d.%[2]s, V%%[3]d.%[2]s", half, as), x, y)
	}
	s := a.sums
	var samples []gen.V
	if a.step == 1 {
		add := func(x, y gen.V) gen.V { return a.Op("VADDP V%[2]d.S4, V%[1]d.S4, V%[3]d.S4", x, y) }
		samples = []gen.V{add(add(s[0], s[1]), add(s[2], s[3]))}
	} else {
		low, high := zip(1, "S4", s[0], s[1]), zip(1, "S4", s[2], s[3])
		samples = []gen.V{zip(1, "D2", low, high), zip(2, "D2", low, high)}
		if a.step > 2 {
			samples = append(samples, zip(1, "D2", zip(2, "S4", s[0], s[1]), zip(2, "S4", s[2], s[3])))
		}
	}
	for c, v := range samples {
		v = a.Sub(a.OpCode(0x0F128C00, "RSHRN V%[2]d.4H, V%[1]d.4S, #14", v), a.bias)
		a.Do(fmt.Sprintf("VST1.P [V%%d.H4], 8(R%d)", c), v)
	}
}
