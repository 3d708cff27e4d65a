package poolmodel

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// Moves returns the fields of structs to which a call gives new values where it puts the structs back: what was read before has left them. It
// is part of [flow.Rules].
func (m *Model) Moves(call ssa.CallInstruction) []flow.Field {
	var fields []flow.Field
	if mc, ok := call.Common().Value.(*ssa.MakeClosure); ok {
		fn := mc.Fn.(*ssa.Function)
		for i := range mc.Bindings {
			if given := m.moved[paramKey{fn, len(fn.Params) + i}]; given.puts {
				fields = append(fields, given.fields...)
			}
		}
		return fields
	}
	for arg, x := range flow.Operands(call.Common()) {
		if given := m.movesOf(call, arg, unboxed(x)); given.puts {
			fields = append(fields, given.fields...)
		}
	}
	return fields
}

// moved is what a function does with a parameter, for [Model.Moves].
type moved struct {
	puts   bool
	fields []flow.Field // to which it gives new values
}

// maxRounds bounds how often the functions are gone through that give values on to each other before they are put back.
const maxRounds = 4

// findMoves works out for each parameter of the package's functions, and what they have captured, whether it is put back, and which fields of it are
// given new values.
func (m *Model) findMoves() {
	for range maxRounds {
		changed := false
		for _, fn := range m.Funcs {
			for i := range len(fn.Params) + len(fn.FreeVars) {
				key := paramKey{fn, i}
				old, now := m.moved[key], m.moves(fn, i)
				if now.puts != old.puts || len(now.fields) != len(old.fields) {
					m.moved[key] = now
					changed = true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// moves works out what findMoves does for a parameter of fn, or what is in the variable that it has captured as that, from what is known of other
// functions.
func (m *Model) moves(fn *ssa.Function, i int) moved {
	root := parameter(fn, i)
	is := func(v ssa.Value) bool {
		if load, ok := v.(*ssa.UnOp); ok && flow.IsCell(root) {
			v = load.X
		}
		return v == root
	}
	var found moved
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Store:
				if f, ok := instr.Addr.(*ssa.FieldAddr); ok && is(f.X) && !flow.Resliced(instr.Val) {
					found.add(flow.FieldOf(f))
				}
			case ssa.CallInstruction:
				for arg, x := range flow.Operands(instr.Common()) {
					x = unboxed(x)
					if !is(x) {
						continue
					}
					given := m.movesOf(instr, arg, x)
					if given.puts || IsResetName(CalleeName(instr.Common())) {
						for _, f := range given.fields {
							found.add(f)
						}
					}
					found.puts = found.puts || given.puts
				}
			}
		}
	}
	return found
}

func (m *moved) add(f flow.Field) {
	if !slices.ContainsFunc(m.fields, func(g flow.Field) bool { return g.Index == f.Index && types.Identical(g.Struct, f.Struct) }) {
		m.fields = append(m.fields, f)
	}
}

// movesOf is moves for operand arg of a call, which is x out of its interface.
func (m *Model) movesOf(call ssa.CallInstruction, arg int, x ssa.Value) moved {
	callee := calleeOf(call.Common())
	if callee == nil {
		return moved{}
	}
	if a, ok := m.apis[apiKey(callee)]; ok {
		if !a.put || a.arg != arg {
			return moved{}
		}
		return moved{true, overwritten(call, x)}
	}
	fn := call.Common().StaticCallee()
	if fn == nil {
		return moved{}
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	if m.here[fn] {
		return m.moved[paramKey{fn, arg}]
	}
	if s := m.imported(callee); s != nil && arg < len(s.Params) {
		return moved{s.Params[arg].Put != Never, fieldsOf(x.Type(), s.Params[arg].Moves)}
	}
	return moved{}
}

// overwritten returns the fields of what v points to where all of that is overwritten before a call in the same block.
func overwritten(call ssa.Instruction, v ssa.Value) []flow.Field {
	var fields, cut []flow.Field
	for _, instr := range call.Block().Instrs {
		if instr == call {
			break
		}
		store, ok := instr.(*ssa.Store)
		if !ok {
			continue
		}
		if f, ok := store.Addr.(*ssa.FieldAddr); ok && flow.Resliced(store.Val) {
			cut = append(cut, flow.FieldOf(f)) // *v = T{b: v.b[:0]}
		} else if sameValue(store.Addr, v) {
			fields = fieldsOf(v.Type(), ^uint64(0))
		}
	}
	return slices.DeleteFunc(fields, func(f flow.Field) bool {
		return slices.ContainsFunc(cut, func(c flow.Field) bool { return c.Index == f.Index && types.Identical(c.Struct, f.Struct) })
	})
}

// sameValue reports whether a and b are one value, or were read from one variable.
func sameValue(a, b ssa.Value) bool {
	if a == b {
		return true
	}
	x, ok := a.(*ssa.UnOp)
	y, also := b.(*ssa.UnOp)
	return ok && also && x.Op == y.Op && x.X == y.X
}

func unboxed(v ssa.Value) ssa.Value {
	if box, ok := v.(*ssa.MakeInterface); ok {
		return box.X
	}
	return v
}

// fieldsOf returns the fields of the struct that a value of type t points to that have their bits set.
func fieldsOf(t types.Type, bits uint64) []flow.Field {
	ptr, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return nil
	}
	st, ok := ptr.Elem().Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var fields []flow.Field
	for i := range min(st.NumFields(), 64) {
		if bits&(1<<i) != 0 {
			fields = append(fields, flow.Field{Struct: types.Unalias(ptr.Elem()), Index: i})
		}
	}
	return fields
}

// movedBits returns which fields of its own a function moves of what it puts back by parameter i, as bits.
func (m *Model) movedBits(fn *ssa.Function, i int) uint64 {
	given := m.moved[paramKey{fn, i}]
	root := parameter(fn, i)
	ptr, ok := root.Type().Underlying().(*types.Pointer)
	if !given.puts || !ok {
		return 0
	}
	bits := uint64(0)
	for _, f := range given.fields {
		if types.Identical(f.Struct, ptr.Elem()) && f.Index < 64 {
			bits |= 1 << f.Index
		}
	}
	return bits
}
