// Package gen writes the assembly files of one kernel package. docs/adr/0016-assembly.md says how they come to be.
package gen

import (
	"encoding/binary"
	"fmt"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// Asm is one assembly file in the making: avo's instructions, and the idioms of this module.
type Asm struct {
	*build.Context

	names  []name
	counts map[string]int // of the current function's labels, by prefix
}

// name says what a register is for.
type name struct {
	reg  reg.Register
	text string
}

// Main is the main function of a generator. For each level it writes LEVEL_amd64.s into the folder that is the program's
// argument: internal/kernel/PKG of this tree, or of a copy of it.
func Main(pkg string, levels map[string]func(*Asm)) {
	if len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "usage: %s FOLDER\n", pkg)
		os.Exit(2)
	}
	for level, write := range levels {
		text, err := generate(pkg, sets[level], write)
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], level+"_amd64.s"), text, 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s: %v\n", pkg, level, err)
			os.Exit(1)
		}
	}
}

// sets are the instructions of each level, as avo names them. avo takes what fits the operands: a shift of a YMM register
// from memory, say, is AVX-512.
var sets = map[string][]string{"avx2": avx2, "avx512": slices.Concat(avx2, avx512)}

var (
	avx2   = []string{"CMOV", "MMX+", "SSE2", "POPCNT", "AVX", "AVX2", "BMI", "BMI2", "F16C", "LZCNT"}
	avx512 = []string{"AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL", "AVX512VBMI", "AVX512VBMI2", "AVX512VNNI"}
)

func generate(pkg string, allowed []string, write func(*Asm)) ([]byte, error) {
	a := &Asm{Context: build.NewContext()}
	a.ConstraintExpr("!purego")
	write(a)
	file, err := a.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	for _, f := range file.Functions() {
		for _, set := range f.ISA {
			if !slices.Contains(allowed, set) {
				return nil, fmt.Errorf("%s needs %s, which not every processor of this level has", f.Name, set)
			}
		}
		if r := wideRegister(f); r != nil && !slices.Contains(allowed, "AVX512F") {
			return nil, fmt.Errorf("%s needs %s, which not every processor of this level has: too many registers are in use", f.Name, r.Asm())
		}
		a.describeRegisters(f)
	}
	return printer.NewGoAsm(printer.Config{Name: "scripts/generate-asm from _asm/" + pkg, Pkg: pkg}).Print(file)
}

// wideRegister returns a register of f that only AVX-512 has, nil if there is none: 512 bits, a mask, or one of those from
// 16 on. avo takes these when it runs out of others, and counts the instruction as one of AVX2 all the same.
func wideRegister(f *ir.Function) reg.Register {
	for _, i := range f.Instructions() {
		for _, r := range i.Registers() {
			p := reg.ToPhysical(r)
			switch {
			case p == nil:
			case p.Kind() == reg.KindOpmask, p.Kind() == reg.KindVector && (p.PhysicalIndex() >= 16 || p.Size() > 32):
				return r
			}
		}
	}
	return nil
}

// Func begins a function. doc says what it does: the Go that it replaces, and what must hold before. The signature may
// have pointers to the opaque types, by their names alone.
func (a *Asm) Func(name, signature, doc string, opaque ...string) {
	a.Function(name)
	a.counts = map[string]int{}
	a.Attributes(attr.NOSPLIT)
	pkg := types.NewPackage(name, name)
	for _, t := range opaque {
		named := types.NewTypeName(token.NoPos, pkg, t, nil)
		types.NewNamed(named, types.NewStruct(nil, nil), nil)
		pkg.Scope().Insert(named)
	}
	s, err := gotypes.ParseSignatureInPackage(pkg, signature)
	if err != nil {
		panic(err)
	}
	a.Signature(s)
	a.Comment(lines(doc)...)
}

// End returns from the function. Every function ends here: vector code must leave no upper halves behind, or the SSE
// instructions of Go wait for them.
func (a *Asm) End() {
	a.VZEROUPPER()
	a.RET()
}

// Name has the head of the function say what r is for, and returns r.
func Name[R reg.Register](a *Asm, text string, r R) R {
	a.names = append(a.names, name{r, text})
	return r
}

// Arg loads a parameter that is a pointer or an int into a register, and names it.
func (a *Asm) Arg(param string) reg.GPVirtual {
	return Name(a, param, a.Load(a.Param(param), a.GP64()).(reg.GPVirtual))
}

// ArgAddr returns where a parameter lies.
func (a *Asm) ArgAddr(param string) operand.Mem {
	basic, err := a.Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	return basic.Addr
}

// At returns the memory disp bytes from the address in base.
func At(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// Words returns read-only memory with n words of a value.
func (a *Asm) Words(name string, n int, value int16) operand.Mem {
	data := make([]byte, 2*n)
	for i := range n {
		binary.LittleEndian.PutUint16(data[2*i:], uint16(value))
	}
	return a.Bytes(name, data)
}

// Bytes returns read-only memory with data, whose length is a multiple of 8.
func (a *Asm) Bytes(name string, data []byte) operand.Mem {
	global := a.StaticGlobal(name)
	a.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := 0; i < len(data); i += 8 {
		a.AppendDatum(operand.U64(binary.LittleEndian.Uint64(data[i:])))
	}
	return global
}

// NewLabel returns a label that begins with prefix and is not in use in this function.
func (a *Asm) NewLabel(prefix string) operand.LabelRef {
	a.counts[prefix]++
	if n := a.counts[prefix]; n > 1 {
		return operand.LabelRef(fmt.Sprintf("%s%d", prefix, n))
	}
	return operand.LabelRef(prefix)
}

// Loop runs body at least once: as long as count, which it counts down by step, stays above zero.
func (a *Asm) Loop(prefix string, count reg.GPVirtual, step uint8, body func()) {
	top := a.NewLabel(prefix)
	a.Label(string(top))
	body()
	a.SUBQ(operand.U8(step), count)
	a.JG(top)
}

// describeRegisters puts the registers that were named, where avo has put them, below the comment f begins with.
func (a *Asm) describeRegisters(f *ir.Function) {
	var words []string
	for _, n := range a.names {
		if p := f.Allocation.LookupRegister(n.reg); p != nil {
			words = append(words, p.Asm()+" "+n.text)
		}
	}
	if len(words) > 0 {
		text := lines("Registers: " + strings.Join(words, ", "))
		f.Nodes = slices.Insert(f.Nodes, 1, ir.Node(ir.NewComment(text...)))
	}
}

// lines breaks text into lines of a comment: where it has line ends, and where a line would be too long.
func lines(text string) []string {
	const width = 112
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		for len(line) > width {
			at := strings.LastIndex(line[:width], " ")
			if at <= 0 {
				break
			}
			out, line = append(out, line[:at]), line[at+1:]
		}
		out = append(out, line)
	}
	return out
}
