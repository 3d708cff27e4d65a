package main

import (
	"encoding/binary"
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// areaNEON writes a kernel of PackedArea: 4 samples at a time, of as many times four pixels as a table says. For 4 samples
// it is, in bytes:
//
//	rounds    8: how often four pixels are added to each sample
//
// and for each round
//
//	weights   32: of the four pixels of each sample
//	offsets   16: of the four pixels of each sample
func areaNEON(n *gen.NEON, step int) {
	name := fmt.Sprintf("area%dNEON", step)
	n.Func(name, "first, second, third *int16, src, table *byte, groups int",
		fmt.Sprintf("%s makes groups*16 samples of pixels of %d bytes, groups > 0.", name, step))
	a := &areaNEONKernel{NEON: n, step: step}
	for i := range a.sums {
		a.sums[i] = n.Pin(i)
	}
	for i := range 2 {
		a.weights[i], a.halves[i], a.places[i] = n.Pin(14+i), n.Pin(16+i), n.Pin(18+i)
	}
	if step == 3 {
		n.Do(fmt.Sprintf("MOVD $%s(SB), R6; VLD1 (R6), [V18.B16, V19.B16]", pixelPlacesNEON))
	}
	n.Flush()
	n.Text("\tLSL $2, R5")
	n.Loop("R5", func() {
		for _, v := range a.sums {
			n.Set(v, "VMOVI $0, V%d.B16")
		}
		n.Do("MOVD.P 8(R4), R6")
		n.Flush()
		n.Text("\nround:")
		n.Do("VLD1.P 32(R4), [V14.H8, V15.H8]")
		for i := range a.sums {
			a.add(i)
		}
		n.Flush()
		n.Text("\tSUBS $1, R6\n\tBNE round")
		a.store()
	})
	n.Text("\tRET")
}

// areaNEONKernel is the registers of a kernel of PackedArea.
type areaNEONKernel struct {
	*gen.NEON
	step    int
	sums    [4]gen.V // of a sample: doublewords of its channels, and one that does not matter
	weights [2]gen.V // words, in registers that can be taken by lanes
	halves  [2]gen.V // of four pixels of 3 bytes: the first 8 bytes, and 8 from the fifth on; neighbours, as VTBL wants them
	places  [2]gen.V // shuffles of the halves, for pixels 0 and 1, and for pixels 2 and 3
}

// pixelPlacesNEON is the name of the shuffles.
const pixelPlacesNEON = "places<>"

// add adds four pixels to the sums of a sample.
func (a *areaNEONKernel) add(sample int) {
	if sample%2 == 0 {
		a.Do("LDPW.P 8(R4), (R7, R8)")
	}
	offset := 7 + sample%2
	a.Do(fmt.Sprintf("ADD R3, R%d", offset))
	var words [2]gen.V // of two pixels each
	if a.step == 4 {
		bytes := a.Op(fmt.Sprintf("VLD1 (R%d), [V%%d.B16]", offset))
		words = [2]gen.V{a.Op("VUXTL V%d.B8, V%d.H8", bytes), a.Op("VUXTL2 V%d.B16, V%d.H8", bytes)}
	} else {
		a.Set(a.halves[0], fmt.Sprintf("FMOVD (R%d), F%%d", offset))
		a.Set(a.halves[1], fmt.Sprintf("FMOVD 4(R%d), F%%d", offset))
		for i := range words {
			words[i] = a.Op("VTBL V%[3]d.B16, [V%[1]d.B16, V%[2]d.B16], V%[4]d.B16", a.halves[0], a.halves[1], a.places[i])
		}
	}
	for pixel := range 4 {
		lane := sample%2*4 + pixel
		code := uint32(0x2F402000 | lane&1<<20 | lane>>1&1<<21 | lane>>2<<11)
		text := fmt.Sprintf("UMLAL V%%[3]d.4S, V%%[1]d.4H, V%%[2]d.H[%d]", lane)
		if pixel%2 == 1 {
			code |= 1 << 30
			text = fmt.Sprintf("UMLAL2 V%%[3]d.4S, V%%[1]d.8H, V%%[2]d.H[%d]", lane)
		}
		a.SetCode(a.sums[sample], code, text, words[pixel/2], a.weights[sample/2])
	}
}

// store writes 4 samples of each channel.
func (a *areaNEONKernel) store() {
	zip := func(half int, as string, x, y gen.V) gen.V {
		return a.Op(fmt.Sprintf("VZIP%d V%%[2]d.%s, V%%[1]d.%[2]s, V%%[3]d.%[2]s", half, as), x, y)
	}
	s := a.sums
	low, high := [2]gen.V{zip(1, "S4", s[0], s[1]), zip(1, "S4", s[2], s[3])}, [2]gen.V{zip(2, "S4", s[0], s[1]), zip(2, "S4", s[2], s[3])}
	for c, v := range []gen.V{zip(1, "D2", low[0], low[1]), zip(2, "D2", low[0], low[1]), zip(1, "D2", high[0], high[1])} {
		v = a.OpCode(0x0F198C00, "RSHRN V%[2]d.4H, V%[1]d.4S, #7", v)
		a.Do(fmt.Sprintf("VST1.P [V%%d.H4], 8(R%d)", c), v)
	}
}

// pixelPlacesData writes the shuffles of pixels of 3 bytes: a word for each channel, and one of zeros. Bytes from the
// ninth on are in the second of the halves, which begins with the fifth.
func pixelPlacesData(n *gen.NEON) {
	const none = 0xff
	var places []byte
	for pixel := range 4 {
		for c := range 3 {
			at := pixel*3 + c
			if at >= 8 {
				at += 16 - 4
			}
			places = append(places, byte(at), none)
		}
		places = append(places, none, none)
	}
	for i := 0; i < len(places); i += 8 {
		n.Text(fmt.Sprintf("DATA %s+%d(SB)/8, $0x%016x", pixelPlacesNEON, i, binary.LittleEndian.Uint64(places[i:])))
	}
	n.Text(fmt.Sprintf("GLOBL %s(SB), RODATA|NOPTR, $%d", pixelPlacesNEON, len(places)))
}
