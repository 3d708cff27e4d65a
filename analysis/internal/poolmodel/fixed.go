package poolmodel

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// ReadsFixed reports whether an instruction reads a field that has what it was given when its struct was made, and that is none of the struct's
// own: whoever has the struct by then, it is the same, and so is what it points to.
func (m *Model) ReadsFixed(instr ssa.Instruction) bool {
	load, ok := instr.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return false
	}
	f, ok := load.X.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	named := namedOf(f.X.Type())
	if named == nil || named.Obj().Pkg() != m.pass.Pkg {
		return false
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok || named.Obj().Exported() && st.Field(f.Field).Exported() {
		return false
	}
	m.setOnce.Do(m.findSet)
	return !m.set[fieldName(f.X.Type(), f.Field)]
}

// findSet finds the fields that are set other than once and from outside.
func (m *Model) findSet() {
	m.set = map[string]bool{}
	for _, fn := range m.withInit() {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				switch instr := instr.(type) {
				case *ssa.FieldAddr:
					if !onlyRead(instr) {
						m.set[fieldName(instr.X.Type(), instr.Field)] = true
					}
				case *ssa.Store:
					m.setAll(instr)
				}
			}
		}
	}
}

// setAll notes the fields of a struct that is stored as a whole.
func (m *Model) setAll(store *ssa.Store) {
	st, ok := store.Val.Type().Underlying().(*types.Struct)
	if _, zero := store.Val.(*ssa.Const); !ok || zero && flow.LocalBase(store.Addr) != nil {
		return
	}
	for i := range st.NumFields() {
		m.set[fieldName(store.Addr.Type(), i)] = true
	}
}

// onlyRead reports whether the address of a field is used for nothing but to read it, or to set it in a struct that is made there, to something
// that is not.
func onlyRead(f *ssa.FieldAddr) bool {
	for _, ref := range *f.Referrers() {
		switch ref := ref.(type) {
		case *ssa.DebugRef:
		case *ssa.UnOp:
			if ref.Op != token.MUL {
				return false
			}
		case *ssa.Store:
			if _, made := f.X.(*ssa.Alloc); ref.Addr != f || !made || !fromOutside(ref.Val) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// fromOutside reports whether v was there before the function that it is in was called.
func fromOutside(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Parameter, *ssa.FreeVar, *ssa.Global, *ssa.Const, *ssa.Function:
		return true
	case *ssa.UnOp:
		return v.Op == token.MUL && fromOutside(v.X)
	case *ssa.FieldAddr:
		return fromOutside(v.X)
	}
	return false
}
