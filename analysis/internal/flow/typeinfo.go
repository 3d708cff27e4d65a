package flow

import (
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

// isPlainSlice reports whether t is a slice of data without pointers: sharing one is sharing memory.
func isPlainSlice(t types.Type) bool {
	s, ok := t.Underlying().(*types.Slice)
	return ok && isPlain(s.Elem())
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

func keyOf(f *ssa.FieldAddr) fieldKey {
	return fieldKey{typ: types.Unalias(f.X.Type().Underlying().(*types.Pointer).Elem()), field: f.Field}
}

// slice reports whether the field is a slice.
func (k fieldKey) slice() bool {
	st, ok := k.typ.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	_, ok = st.Field(k.field).Type().Underlying().(*types.Slice)
	return ok
}

// movedFields returns the fields that fn gives a new value which is not a slice of the old one: what was read out of such a
// field may have left the object.
func movedFields(fn *ssa.Function) map[fieldKey]bool {
	moved := map[fieldKey]bool{}
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			store, ok := instr.(*ssa.Store)
			if !ok {
				continue
			}
			if field, ok := store.Addr.(*ssa.FieldAddr); ok && !resliced(store.Val) {
				moved[keyOf(field)] = true
			}
		}
	}
	return moved
}

// resliced reports whether v is made of a slice that was there before: x[a:b], or what append returns.
func resliced(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Slice:
		return true
	case *ssa.Call:
		b, ok := v.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "append"
	}
	return false
}

// Whole returns what v is an embedded field of, whose methods are its own; otherwise v.
func Whole(v ssa.Value) ssa.Value {
	for {
		f, ok := v.(*ssa.FieldAddr)
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
