package getreset

import (
	"go/constant"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Names of functions that read what a value reads from, and of those that set the fields of a value that they find in a text, and leave the
// others.
var (
	reads   = regexp.MustCompile(`^(Read|WriteTo|Scan|Peek|Decode)`)
	decodes = regexp.MustCompile(`^(Unmarshal|Decode|DecodeElement)$`)
)

// isReset reports whether instr resets the value that t follows: it calls such a function with it, assigns to all of it, cuts it to
// nothing, or empties a map.
func isReset(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store:
		return t.Live(s, instr.Addr) == flow.Same && !t.Cell(instr.Addr) && t.Live(s, instr.Val) == flow.None
	case *ssa.Slice:
		return owned(t, s, instr.X) && instr.High != nil && isConst(instr.High)
	case ssa.CallInstruction:
		operands := flow.Operands(instr.Common())
		if b, ok := instr.Common().Value.(*ssa.Builtin); ok {
			return (b.Name() == "clear" || b.Name() == "delete") && owned(t, s, operands[0])
		}
		name := poolmodel.CalleeName(instr.Common())
		for i, x := range operands {
			if t.Live(s, flow.Whole(x)) == flow.Same && m.Resets(instr.Common(), i) {
				return true
			}
		}
		if len(operands) == 0 || t.Live(s, flow.Whole(operands[0])) != flow.Same {
			return false
		}
		return poolmodel.IsResetName(name) || name == "Truncate" && isZero(operands[1])
	}
	return false
}

// isConst reports whether v is a constant: what is cut to a length that is known from the start is written anew.
func isConst(v ssa.Value) bool {
	_, ok := v.(*ssa.Const)
	return ok
}

// looksUp reports whether instr takes a value out of the map that t follows where its key is there, and uses it: more than whether it is.
func looksUp(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	look, ok := instr.(*ssa.Lookup)
	if !ok || !look.CommaOk || !owned(t, s, look.X) {
		return false
	}
	return slices.ContainsFunc(*look.Referrers(), func(ref ssa.Instruction) bool {
		ex, ok := ref.(*ssa.Extract)
		return ok && ex.Index == 0
	})
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
					poolmodel.IsResetName(poolmodel.CalleeName(instr.Common())) {
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
func adding(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) (adds, needs bool) {
	switch instr := instr.(type) {
	case *ssa.MapUpdate:
		return owned(t, s, instr.Map), true
	case *ssa.Call:
		operands := flow.Operands(&instr.Call)
		if b, ok := instr.Call.Value.(*ssa.Builtin); ok {
			return b.Name() == "append" && owned(t, s, operands[0]), true
		}
		for i, x := range operands {
			x = flow.Whole(x)
			if t.Live(s, x) != flow.Same {
				continue
			}
			if addsBy(m, &instr.Call, i) {
				return true, needsReset(unboxed(x))
			}
			if i > 0 || !isMethod(&instr.Call) && decodesInto(&instr.Call, x) {
				return s.Flags&flagSet == 0 && decodesInto(&instr.Call, x), true
			}
		}
	}
	return false, false
}

// addsBy reports whether a call writes to its operand arg, or reads from it.
func addsBy(m *poolmodel.Model, call *ssa.CallCommon, arg int) bool {
	return m.AddsTo(call, arg) ||
		arg == 0 && isMethod(call) && reads.MatchString(poolmodel.CalleeName(call)) && resetsTo(flow.Operands(call)[0].Type(), "Reader")
}

func isMethod(call *ssa.CallCommon) bool { return call.Signature().Recv() != nil || call.IsInvoke() }

// decodesInto reports whether a call decodes a text into x, a pointer to a struct or a map, that is: adds to it.
func decodesInto(call *ssa.CallCommon, x ssa.Value) bool {
	callee := call.StaticCallee()
	if callee == nil || callee.Pkg == nil || !decodes.MatchString(callee.Name()) || strings.Contains(callee.Pkg.Pkg.Path(), "proto") {
		return false // of protobuf, Unmarshal begins with a reset
	}
	p, ok := unboxed(x).Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	switch p.Elem().Underlying().(type) {
	case *types.Struct, *types.Map:
		return true
	}
	return false
}

// setsField reports whether instr stores to a field of the value that t follows.
func setsField(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	store, ok := instr.(*ssa.Store)
	if !ok {
		return false
	}
	field, ok := store.Addr.(*ssa.FieldAddr)
	return ok && owned(t, s, field.X)
}

// ownReset returns the method of the package's own by which a value of type t is reset, nil for none.
func ownReset(t types.Type, pkg *types.Package) *types.Func {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return nil
	}
	named, ok := types.Unalias(p.Elem()).(*types.Named)
	if !ok || named.Obj().Pkg() != pkg {
		return nil
	}
	for method := range named.Methods() {
		if strings.EqualFold(method.Name(), "reset") && method.Signature().Results().Len() == 0 {
			return method
		}
	}
	return nil
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
	return isHash(t) || isBuffer(t) || resetsTo(t, "Writer") || resetsTo(t, "Reader")
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

// isBuffer reports whether t is a struct with a bytes.Buffer for its methods.
func isBuffer(t types.Type) bool {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if f.Embedded() && f.Type().String() == "bytes.Buffer" {
			return true
		}
	}
	return false
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
