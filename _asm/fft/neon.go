package main

import (
	"fmt"
	"math"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// neonLanes is what the plain form works on at a time: two vectors.
const neonLanes = 8

// neonMachine is the kernels for NEON.
type neonMachine struct {
	*gen.NEON
	factors  [len(constants)]gen.V
	numbers  [5]string // registers with the addresses of a butterfly's numbers, their real parts
	disp     [5]int    // and what is added to each
	half     int       // which lanes are worked on: 0..3 or 4..7
	table    string    // the register with the address of the twiddles, which are read in order
	twiddles map[int][2]gen.V
}

func neon(n *gen.NEON) {
	m := &neonMachine{NEON: n}
	m.frames()
	for radix := 2; radix <= 5; radix++ {
		m.first(radix)
		m.pass(radix)
	}
	m.spectrum("power", false)
	m.spectrum("magnitude", true)
}

func (m *neonMachine) add(x, y gen.V) gen.V {
	return m.OpCode(0x4E20D400, "FADD V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

func (m *neonMachine) sub(x, y gen.V) gen.V {
	return m.OpCode(0x4EA0D400, "FSUB V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

func (m *neonMachine) mul(x, y gen.V) gen.V {
	return m.OpCode(0x6E20DC00, "FMUL V%[3]d.4S, V%[1]d.4S, V%[2]d.4S", x, y)
}

func (m *neonMachine) constant(c constant) gen.V { return m.factors[c] }

func (m *neonMachine) at(k int, imaginary bool) string {
	disp := m.disp[k] + 16*m.half
	if imaginary {
		disp += 4 * neonLanes
	}
	return fmt.Sprintf("%d(%s)", disp, m.numbers[k])
}

func (m *neonMachine) load(k int, imaginary bool) gen.V {
	return m.Op("FMOVQ " + m.at(k, imaginary) + ", F%d")
}

func (m *neonMachine) store(k int, re, im gen.V) {
	m.Do("FMOVQ F%d, "+m.at(k, false), re)
	m.Do("FMOVQ F%d, "+m.at(k, true), im)
}

func (m *neonMachine) twiddle(k int) (cos, sin gen.V) { return m.twiddles[k][0], m.twiddles[k][1] }

// readTwiddles reads the twiddles of numbers 1..last.
func (m *neonMachine) readTwiddles(last int) {
	m.twiddles = map[int][2]gen.V{}
	for k := 1; k <= last; k++ {
		cos := m.Op("VLD1R.P 4(" + m.table + "), [V%d.S4]")
		m.twiddles[k] = [2]gen.V{cos, m.Op("VLD1R.P 4(" + m.table + "), [V%d.S4]")}
	}
}

// pinConstants puts the factors of a radix into registers.
func (m *neonMachine) pinConstants(radix int) {
	for _, c := range map[int][]constant{3: {half, sin3}, 5: {quarter, root5, sin5, sin5x2}}[radix] {
		m.factors[c] = m.Pin(31 - int(c))
		bits := math.Float32bits(float32(constants[c].value))
		m.Set(m.factors[c], fmt.Sprintf("MOVD $0x%08x, R15; VDUP R15, V%%d.S4 // %s", bits, constants[c].name))
	}
	m.Flush()
}

// halves writes a butterfly of all lanes.
func (m *neonMachine) halves(radix int, turn bool) {
	for m.half = range 2 {
		butterfly[gen.V](m, radix, turn)
	}
}

func (m *neonMachine) first(radix int) {
	m.Func(fmt.Sprintf("first%dNEON", radix), "work *float32, blocks int", fmt.Sprintf(`
first%dNEON makes blocks transforms, blocks > 0, of %[1]d numbers side by side.`, radix))
	for k := range radix {
		m.numbers[k], m.disp[k] = "R0", 8*neonLanes*k
	}
	m.pinConstants(radix)
	m.Loop("R1", func() {
		m.halves(radix, false)
		m.Do(fmt.Sprintf("ADD $%d, R0", 8*neonLanes*radix))
	})
	m.Text("\tRET")
}

func (m *neonMachine) pass(radix int) {
	m.Func(fmt.Sprintf("pass%dNEON", radix), "work, twiddles *float32, length, blocks int", fmt.Sprintf(`
pass%dNEON makes blocks transforms, blocks > 0, each of %[1]d transforms of length numbers, length > 0.`, radix))
	m.numbers, m.disp = [5]string{"R5", "R6", "R7", "R8", "R9"}, [5]int{}
	m.table = "R10"
	m.pinConstants(radix)
	m.Text("\tLSL $6, R2, R4 // bytes of length numbers")
	m.Text("\nblock:\n\tMOVD R0, R5")
	for k := 1; k < radix; k++ {
		m.Text(fmt.Sprintf("\tADD R4, %s, %s", m.numbers[k-1], m.numbers[k]))
	}
	m.Text("\tMOVD R1, R10\n\tMOVD R2, R11")
	m.Loop("R11", func() {
		m.readTwiddles(radix - 1)
		m.halves(radix, true)
		for k := range radix {
			m.Do(fmt.Sprintf("ADD $%d, %s", 8*neonLanes, m.numbers[k]))
		}
	})
	m.Text(fmt.Sprintf("\tMOVD %s, R0\n\tSUBS $1, R3\n\tBNE block\n\tRET", m.numbers[radix-1]))
}

func (m *neonMachine) spectrum(name string, root bool) {
	m.Func(name+"NEON", "dst, work, halving *float32, size int", fmt.Sprintf(`
%sNEON makes size+1 bins, size > 0, by pairs: k and size-k for 0 <= k <= size/2.`, name))
	m.numbers, m.disp = [5]string{"R1", "R4"}, [5]int{}
	m.table = "R2"
	m.Text("\tADD R3<<6, R1, R4 // number size-k\n\tADD R3<<5, R0, R5 // bin size-k\n\tLSR $1, R3\n\tADD $1, R3")
	m.Loop("R3", func() {
		m.readTwiddles(1)
		for m.half = range 2 {
			low, high := powers[gen.V](m)
			if root {
				low = m.OpCode(0x6EA1F800, "FSQRT V%[2]d.4S, V%[1]d.4S", low)
				high = m.OpCode(0x6EA1F800, "FSQRT V%[2]d.4S, V%[1]d.4S", high)
			}
			m.Do(fmt.Sprintf("FMOVQ F%%d, %d(R5)", 16*m.half), high)
			m.Do(fmt.Sprintf("FMOVQ F%%d, %d(R0)", 16*m.half), low)
		}
		m.Do(fmt.Sprintf("ADD $%d, R1", 8*neonLanes))
		m.Do(fmt.Sprintf("SUB $%d, R4", 8*neonLanes))
		m.Do(fmt.Sprintf("ADD $%d, R0", 4*neonLanes))
		m.Do(fmt.Sprintf("SUB $%d, R5", 4*neonLanes))
	})
	m.Text("\tRET")
}

// frames writes Frames: four samples of all frames at a time, of each four frames a square to be transposed.
func (m *neonMachine) frames() {
	m.Func("framesNEON", "dst, src, window, shift *float32, order *int32, hop, quads int", `
framesNEON puts 4*quads samples, quads > 0, of 8 frames into their lanes.
	dst[order[i/2]/4 + i%2*lanes + l] = (src[l*hop+i] - shift[l]) * window[i]`)
	shift := [2]gen.V{m.Pin(30), m.Pin(31)}
	for i, v := range shift {
		m.Set(v, fmt.Sprintf("FMOVQ %d(R3), F%%d", 16*i))
	}
	m.Flush()
	src := [neonLanes]string{"R1", "R7", "R8", "R9", "R10", "R11", "R12", "R13"}
	for l := 1; l < neonLanes; l++ {
		m.Text(fmt.Sprintf("\tADD R5<<2, %s, %s", src[l-1], src[l]))
	}
	zip := func(half int, as string, x, y gen.V) gen.V {
		return m.Op(fmt.Sprintf("VZIP%d V%%[2]d.%s, V%%[1]d.%[2]s, V%%[3]d.%[2]s", half, as), x, y)
	}
	m.Loop("R6", func() {
		var window [4]gen.V
		for i := range window {
			window[i] = m.Op("VLD1R.P 4(R2), [V%d.S4]")
		}
		m.Do("MOVW.P 4(R4), R14; ADD R0, R14")
		m.Do("MOVW.P 4(R4), R19; ADD R0, R19")
		for half := range 2 {
			var rows [4]gen.V
			for j := range rows {
				rows[j] = m.Load(src[4*half+j])
			}
			for pair := range 2 { // samples 0 and 1, 2 and 3
				first, second := zip(pair+1, "S4", rows[0], rows[1]), zip(pair+1, "S4", rows[2], rows[3])
				for i := range 2 {
					v := m.sub(zip(i+1, "D2", first, second), shift[half])
					m.Do(fmt.Sprintf("FMOVQ F%%d, %d(%s)", 4*neonLanes*i+16*half, [...]string{"R14", "R19"}[pair]), m.mul(v, window[2*pair+i]))
				}
			}
		}
	})
	m.Text("\tRET")
}
