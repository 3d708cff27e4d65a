package getreset

import (
	"go/constant"
	"go/types"
	"regexp"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Names of functions that make a value as new, of those that add to what is in it, and of those that read what it reads from.
var (
	resets = regexp.MustCompile(`(?i)^(reset|clear|clean|init|zero|recycle)`)
	adds   = regexp.MustCompile(`^(Write|ReadFrom)`)
	reads  = regexp.MustCompile(`^(Read|WriteTo|Scan|Peek|Decode)`)
)

// isReset reports whether instr resets the value that t follows: it calls such a function with it, assigns to all of it, cuts it to
// nothing, or empties a map.
func isReset(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store:
		return t.Live(s, instr.Addr) == flow.Same && !t.Cell(instr.Addr) && t.Live(s, instr.Val) == flow.None
	case *ssa.Slice:
		return owned(t, s, instr.X) && instr.High != nil && isZero(instr.High)
	case ssa.CallInstruction:
		operands := flow.Operands(instr.Common())
		if b, ok := instr.Common().Value.(*ssa.Builtin); ok {
			return (b.Name() == "clear" || b.Name() == "delete") && owned(t, s, operands[0])
		}
		name := poolmodel.CalleeName(instr.Common())
		if len(operands) == 0 || t.Live(s, operands[0]) != flow.Same {
			return false
		}
		return resets.MatchString(name) || name == "Truncate" && isZero(operands[1])
	}
	return false
}

func isZero(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && constant.Sign(c.Value) == 0
}

// isDirty reports whether a Put gives back the value as it is: it is the pool's own Put, or a closure that does not reset. A
// wrapper of Put is judged by what it does with its parameter.
func isDirty(m *poolmodel.Model, instr ssa.Instruction) bool {
	call := instr.(ssa.CallInstruction).Common()
	if mc, ok := call.Value.(*ssa.MakeClosure); ok {
		return !mentionsReset(mc.Fn.(*ssa.Function))
	}
	return m.IsAPI(call, "sync.Pool.Put")
}

// mentionsReset reports whether fn calls something that resets, cuts a slice to nothing, or empties a map.
func mentionsReset(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Slice:
				if instr.High != nil && isZero(instr.High) {
					return true
				}
			case ssa.CallInstruction:
				if b, ok := instr.Common().Value.(*ssa.Builtin); ok && (b.Name() == "clear" || b.Name() == "delete") ||
					resets.MatchString(poolmodel.CalleeName(instr.Common())) {
					return true
				}
			}
		}
	}
	return false
}

// owned reports whether v is the value that t follows, or the slice that it is or points to.
func owned(t *flow.Track, s *flow.State, v ssa.Value) bool {
	c := t.Live(s, v)
	return c == flow.Same || c == flow.Derived
}

// adding reports whether instr adds to the contents of the value that t follows, and whether a value of its type is of no use before it
// was reset.
func adding(t *flow.Track, s *flow.State, instr ssa.Instruction) (adds, needs bool) {
	switch instr := instr.(type) {
	case *ssa.MapUpdate:
		return owned(t, s, instr.Map), true
	case *ssa.Call:
		operands := flow.Operands(&instr.Call)
		if b, ok := instr.Call.Value.(*ssa.Builtin); ok {
			return b.Name() == "append" && owned(t, s, operands[0]), true
		}
		for i, x := range operands {
			if t.Live(s, x) == flow.Same && addsBy(&instr.Call, i) {
				return true, needsReset(unboxed(x))
			}
		}
	}
	return false, false
}

// addsBy reports whether a call writes to its operand arg, or reads from it.
func addsBy(call *ssa.CallCommon, arg int) bool {
	name := poolmodel.CalleeName(call)
	if arg > 0 || call.Signature().Recv() == nil && !call.IsInvoke() {
		return poolmodel.IsWriter(call, arg) // given to a function that writes to it
	}
	return adds.MatchString(name) || reads.MatchString(name) && resetsTo(flow.Operands(call)[0].Type(), "Reader")
}

func unboxed(v ssa.Value) types.Type {
	if box, ok := v.(*ssa.MakeInterface); ok {
		v = box.X
	}
	return v.Type()
}

// needsReset reports whether a value of type t is of no use without a reset: what was written before is in it, or it still writes to or reads
// from what its last user did.
func needsReset(t types.Type) bool {
	switch t.String() {
	case "*bytes.Buffer", "*strings.Builder":
		return true
	}
	return isHash(t) || resetsTo(t, "Writer") || resetsTo(t, "Reader")
}

// isHash reports whether t has the methods of a hash.Hash.
func isHash(t types.Type) bool {
	methods := types.NewMethodSet(t)
	for _, name := range []string{"Sum", "Reset", "BlockSize", "Write"} {
		if methods.Lookup(nil, name) == nil {
			return false
		}
	}
	return true
}

// resetsTo reports whether t has a method Reset whose first parameter is an io.Writer, or an io.Reader, as to says.
func resetsTo(t types.Type, to string) bool {
	method := types.NewMethodSet(t).Lookup(nil, "Reset")
	if method == nil {
		return false
	}
	params := method.Type().(*types.Signature).Params()
	return params.Len() > 0 && params.At(0).Type().String() == "io."+to
}
