package gen

import (
	"fmt"
	"strings"
)

// Func begins a function whose parameters, 8 bytes each, come into R0, R1 and so on. doc says what it does: the Go that it
// replaces, and what must hold before. All vector registers are free again.
func (n *NEON) Func(name, params, doc string) { n.function(name, params, "", 0, doc) }

// FuncFloat32 is Func for a function that returns a float32: ResultFloat32 sets it.
func (n *NEON) FuncFloat32(name, params, doc string) { n.function(name, params, " float32", 4, doc) }

// ResultFloat32 returns, behind so many parameters, what is in the lowest lane of the vector register of a number.
func (n *NEON) ResultFloat32(params, number int) {
	n.Text(fmt.Sprintf("\tFMOVS F%d, ret+%d(FP)\n\tRET", number, 8*params))
}

func (n *NEON) function(name, params, result string, resultSize int, doc string) {
	n.pinned, n.free = map[V]int{}, nil
	for i := range 32 {
		n.free = append(n.free, i)
	}
	var names, loads []string
	for i, param := range strings.Split(params, ", ") {
		param, _, _ = strings.Cut(param, " ")
		names = append(names, fmt.Sprintf("R%d %s", i, param))
		loads = append(loads, fmt.Sprintf("\tMOVD %s+%d(FP), R%d", param, 8*i, i))
	}
	size := 8*len(names) + resultSize
	n.Text(fmt.Sprintf("\n// func %s(%s)%s\nTEXT ·%[1]s(SB), NOSPLIT, $0-%[4]d", name, params, result, size))
	for _, line := range append(strings.Split(strings.TrimSpace(doc), "\n"), "Registers: "+strings.Join(names, ", ")) {
		n.Text("\t// " + line)
	}
	n.Text(strings.Join(loads, "\n"))
}

// Loop runs body at least once: as often as the general register says, which it counts down. What is outside must have
// been flushed.
func (n *NEON) Loop(count string, body func()) {
	n.Text("\nloop:")
	body()
	n.Flush()
	n.Text(fmt.Sprintf("\tSUBS $1, %s\n\tBNE loop", count))
}

// PinWords returns the vector register of a number with a constant in each word. It overwrites R15.
func (n *NEON) PinWords(number, value int, comment string) V {
	v := n.Pin(number)
	n.Set(v, fmt.Sprintf("MOVD $%d, R15; VDUP R15, V%%d.H8 // %s", value, comment))
	return v
}

// PinParam returns the vector register of a number with the low 16 bits of a general register in each word.
func (n *NEON) PinParam(number int, register, comment string) V {
	v := n.Pin(number)
	n.Set(v, fmt.Sprintf("VDUP %s, V%%d.H8 // %s", register, comment))
	return v
}

// Load returns 16 bytes from the address in a general register, which it moves on by them.
func (n *NEON) Load(register string) V { return n.Op("VLD1.P 16(" + register + "), [V%d.B16]") }

// Store writes 16 bytes to the address in a general register, which it moves on by them.
func (n *NEON) Store(register string, v V) { n.Do("VST1.P [V%d.B16], 16("+register+")", v) }

// Add returns the sums of words.
func (n *NEON) Add(x, y V) V { return n.Op("VADD V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", x, y) }

// Sub returns x-y of words.
func (n *NEON) Sub(x, y V) V { return n.Op("VSUB V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", x, y) }

// Rounded returns words >> bits, rounded.
func (n *NEON) Rounded(v V, bits int) V {
	return n.OpCode(uint32(0x4F002400|(32-bits)<<16), fmt.Sprintf("SRSHR V%%[2]d.8H, V%%[1]d.8H, #%d", bits), v)
}
