package flow

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// IsError reports whether t is the predeclared type error.
func IsError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// MayRefer reports whether a value of type t can refer to other memory than its own and is worth following: not errors,
// strings and times, which practically never carry the value they came from.
func MayRefer(t types.Type) bool { return mayRefer(t, 0) }

func mayRefer(t types.Type, depth int) bool {
	if IsError(t) || isTime(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Array:
		return mayRefer(u.Elem(), depth+1)
	case *types.Struct:
		for f := range u.Fields() {
			if depth < 4 && mayRefer(f.Type(), depth+1) {
				return true
			}
		}
		return false
	}
	return true
}

func isTime(t types.Type) bool {
	named, ok := t.(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time"
}

// IsPlainSlice reports whether t is a slice of data without pointers: sharing one is sharing memory.
func IsPlainSlice(t types.Type) bool {
	s, ok := t.Underlying().(*types.Slice)
	return ok && isPlain(s.Elem())
}

// isCollection reports whether t is a slice or a map, of whatever.
func isCollection(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Slice, *types.Map:
		return true
	}
	return false
}

// isPlain reports whether t is made of numbers and bools alone.
func isPlain(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&(types.IsNumeric|types.IsBoolean) != 0
	case *types.Array:
		return isPlain(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !isPlain(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

func isUnsafePointer(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.UnsafePointer
}

// FieldOf returns the field that f is the address of.
func FieldOf(f *ssa.FieldAddr) Field {
	return Field{types.Unalias(f.X.Type().Underlying().(*types.Pointer).Elem()), f.Field}
}

// slice reports whether the field is a slice.
func (k Field) slice() bool {
	st, ok := k.Struct.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	_, ok = st.Field(k.Index).Type().Underlying().(*types.Slice)
	return ok
}

// movedFields returns the fields that fn gives a new value which is not a slice of the old one: what was read out of such a
// field may have left the object.
func movedFields(fn *ssa.Function, rules Rules) map[Field]bool {
	moved := map[Field]bool{}
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Store:
				if field, ok := instr.Addr.(*ssa.FieldAddr); ok && !Resliced(instr.Val) {
					moved[FieldOf(field)] = true
				}
			case *ssa.Call:
				movedBy(&instr.Call, moved)
			}
			if call, ok := instr.(ssa.CallInstruction); ok {
				for _, field := range rules.Moves(call) {
					moved[field] = true
				}
			}
		}
	}
	return moved
}

// movedBy adds the fields to which the function that is called assigns a parameter, where it is given one of the caller's: that is others' memory.
func movedBy(call *ssa.CallCommon, moved map[Field]bool) {
	callee := call.StaticCallee()
	if callee == nil || len(callee.Params) != len(call.Args) {
		return
	}
	for i, arg := range call.Args {
		if _, ok := arg.(*ssa.Parameter); !ok {
			continue
		}
		for _, ref := range *callee.Params[i].Referrers() {
			if store, ok := ref.(*ssa.Store); ok && store.Val == callee.Params[i] {
				if field, ok := store.Addr.(*ssa.FieldAddr); ok {
					moved[FieldOf(field)] = true
				}
			}
		}
	}
}

// IsStruct reports whether t is a struct.
func IsStruct(t types.Type) bool {
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

// Resliced reports whether v is made of a slice that was there before: x[a:b], or what append returns.
func Resliced(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Slice:
		return true
	case *ssa.Call:
		b, ok := v.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "append"
	}
	return false
}

// Whole returns what v is an embedded field of, or what is in one that is a pointer: its methods are the whole's own. Otherwise it returns v.
func Whole(v ssa.Value) ssa.Value {
	for {
		addr := v
		if load, ok := v.(*ssa.UnOp); ok && load.Op == token.MUL {
			addr = load.X
		}
		f, ok := addr.(*ssa.FieldAddr)
		if !ok {
			return v
		}
		st := f.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct)
		if !st.Field(f.Field).Embedded() {
			return v
		}
		v = f.X
	}
}
