package getreset

import (
	"fmt"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// fieldUse is what the functions of the package do with a field, but in a struct that they make.
type fieldUse struct {
	grown   bool          // something is appended to it that is not made for it
	setter  *ssa.Function // an exported method of the struct that sets it, a bool, as it is told or to true
	emptied bool          // it may be made as new, or is set to something else
}

type fieldUses map[flow.Field]*fieldUse

func (u fieldUses) of(f flow.Field) *fieldUse {
	if u[f] == nil {
		u[f] = new(fieldUse)
	}
	return u[f]
}

func usesOfFields(m *poolmodel.Model) fieldUses {
	uses := fieldUses{}
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				switch instr := instr.(type) {
				case *ssa.FieldAddr:
					if flow.LocalBase(instr) == nil {
						uses.look(fn, instr)
					}
				case *ssa.Store:
					uses.renew(instr)
				}
			}
		}
	}
	return uses
}

// renew notes a store to all of a struct.
func (u fieldUses) renew(store *ssa.Store) {
	if _, variable := store.Addr.(*ssa.Alloc); variable {
		return
	}
	if st, ok := store.Val.Type().Underlying().(*types.Struct); ok {
		for i := range st.NumFields() {
			u.of(flow.Field{Struct: types.Unalias(store.Val.Type()), Index: i}).emptied = true
		}
	}
}

// look notes what is done with the address of a field.
func (u fieldUses) look(fn *ssa.Function, f *ssa.FieldAddr) {
	field := u.of(flow.FieldOf(f))
	for _, ref := range *f.Referrers() {
		switch ref := ref.(type) {
		case *ssa.UnOp, *ssa.DebugRef:
		case *ssa.Store:
			switch {
			case ref.Addr != f:
				field.emptied = true
			case isBool(ref.Val.Type()):
				field.told(fn, f, ref.Val)
			default:
				grows, made := appended(f, ref.Val)
				field.grown = field.grown || grows && !made
				field.emptied = field.emptied || !grows || made
			}
		default: // somebody has its address
			field.emptied = true
		}
	}
}

// told notes that fn gives a bool of a struct the value v.
func (u *fieldUse) told(fn *ssa.Function, f *ssa.FieldAddr, v ssa.Value) {
	load, copied := v.(*ssa.UnOp)
	if copied {
		from, ok := load.X.(*ssa.FieldAddr)
		copied = ok && flow.FieldOf(from) == flow.FieldOf(f)
	}
	switch {
	case copied:
	case isSetter(fn, f) && (v == fn.Params[len(fn.Params)-1] || isTrue(v)):
		u.setter = fn
	default:
		u.emptied = true
	}
}

// isSetter reports whether fn is an exported method of the struct that f is a field of.
func isSetter(fn *ssa.Function, f *ssa.FieldAddr) bool {
	return fn.Signature.Recv() != nil && fn.Object() != nil && fn.Object().Exported() && f.X == fn.Params[0]
}

func isTrue(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && !isZeroValue(c)
}

func isBool(t types.Type) bool { return types.Identical(t.Underlying(), types.Typ[types.Bool]) }

// appended reports whether v is what a field has with more behind it, and whether that is new memory, or a place in it that is looked for by its length: what is
// made so is there to be used again.
func appended(f *ssa.FieldAddr, v ssa.Value) (grows, made bool) {
	call, ok := v.(*ssa.Call)
	if !ok || !isBuiltin(&call.Call, "append") {
		return false, false
	}
	load, ok := call.Call.Args[0].(*ssa.UnOp)
	if !ok {
		return false, false
	}
	from, ok := load.X.(*ssa.FieldAddr)
	if !ok || from.X != f.X || from.Field != f.Field {
		return false, false
	}
	return true, asksLength(f) || len(call.Call.Args) > 1 && isMade(call.Call.Args[1])
}

// asksLength reports whether a branch of the function of f asks how long what is in the field is.
func asksLength(f *ssa.FieldAddr) bool {
	for o := range flow.AllOperands(f.Parent()) {
		length, ok := o.Call.(*ssa.Call)
		if !ok || !isBuiltin(&length.Call, "len", "cap") {
			continue
		}
		load, ok := o.Value.(*ssa.UnOp)
		if !ok {
			continue
		}
		if of, ok := load.X.(*ssa.FieldAddr); ok && flow.FieldOf(of) == flow.FieldOf(f) && slices.ContainsFunc(*length.Referrers(), decides) {
			return true
		}
	}
	return false
}

// decides reports whether an instruction is a comparison that a branch asks for.
func decides(instr ssa.Instruction) bool {
	op, ok := instr.(*ssa.BinOp)
	return ok && slices.ContainsFunc(*op.Referrers(), func(ref ssa.Instruction) bool {
		_, branch := ref.(*ssa.If)
		return branch
	})
}

func isBuiltin(call *ssa.CallCommon, names ...string) bool {
	b, ok := call.Value.(*ssa.Builtin)
	return ok && slices.Contains(names, b.Name())
}

// isMade reports whether an element of v, the rest of an append's arguments, is made there.
func isMade(v ssa.Value) bool {
	cut, ok := v.(*ssa.Slice)
	if !ok {
		return false
	}
	array, ok := cut.X.(*ssa.Alloc)
	if !ok {
		return false
	}
	return slices.ContainsFunc(*array.Referrers(), func(ref ssa.Instruction) bool {
		element, ok := ref.(*ssa.IndexAddr)
		return ok && slices.ContainsFunc(*element.Referrers(), func(ref ssa.Instruction) bool {
			store, ok := ref.(*ssa.Store)
			if !ok {
				return false
			}
			switch store.Val.(type) {
			case *ssa.Alloc, *ssa.MakeSlice, *ssa.MakeMap, *ssa.Call:
				return true
			}
			return false
		})
	})
}

// resetsGrown reports whether the package's own reset of a value of type t empties a field that is appended to.
func resetsGrown(m *poolmodel.Model, t types.Type, pkg *types.Package, uses fieldUses) bool {
	method, own := ownReset(t, pkg)
	reset := functionOf(m, method)
	if !own || reset == nil {
		return false
	}
	p, ok := reset.Params[0].Type().Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	for field := range storedFields(reset, reset.Params[0]) {
		if uses.of(flow.Field{Struct: types.Unalias(p.Elem()), Index: field}).grown {
			return true
		}
	}
	return false
}

// reportForgotten reports fields that the reset of a pool's values leaves as they are, and all the package: what adds up in them, and a bool that users set where
// others are reset. It adds them to told.
func reportForgotten(pass *analysis.Pass, m *poolmodel.Model, name string, method *types.Func, fields func() fieldUses, told map[flow.Field]bool) {
	reset := functionOf(m, method)
	if reset == nil {
		return
	}
	p, ok := reset.Params[0].Type().Underlying().(*types.Pointer)
	if !ok {
		return
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return
	}
	lowered := lowers(reset, 0)
	for i := range st.NumFields() {
		field := flow.Field{Struct: types.Unalias(p.Elem()), Index: i}
		use := fields().of(field)
		if use.emptied || st.Field(i).Exported() {
			continue
		}
		d := analysis.Diagnostic{Pos: reset.Pos()}
		switch {
		case use.grown:
			d.Category = "field-grown"
			d.Message = fmt.Sprintf("%s leaves %s, to which something is appended and which nothing empties: who gets a value from %s has it too",
				reset.Name(), st.Field(i).Name(), poolmodel.ShortPool(name))
		case use.setter != nil && len(lowered) > 1 && (isLent(m, reset.Params[0].Type()) || isCalled(m, use.setter)):
			d.Pos = lowered[len(lowered)-1].Pos()
			d.Category = "field-left"
			d.Message = fmt.Sprintf("%s is not reset with the others, although %s sets it: who gets a value from %s has it as it was left",
				st.Field(i).Name(), use.setter.Name(), poolmodel.ShortPool(name))
		default:
			continue
		}
		told[field] = true
		m.Report(pass, d)
	}
}

// isLent reports whether an exported function gets values of type t and returns them: whoever calls it may set what there is to set.
func isLent(m *poolmodel.Model, t types.Type) bool {
	return slices.ContainsFunc(m.Funcs, func(fn *ssa.Function) bool {
		results := fn.Signature.Results()
		return fn.Object() != nil && fn.Object().Exported() && results.Len() == 1 && types.Identical(results.At(0).Type(), t) && len(m.Acquisitions(fn)) > 0
	})
}

// isCalled reports whether a function of the package calls fn.
func isCalled(m *poolmodel.Model, fn *ssa.Function) bool {
	method, ok := fn.Object().(*types.Func)
	return ok && m.IsCalled(method)
}

// lowers returns the stores of false to fields of a method's receiver, and those of the methods that it calls for it.
func lowers(fn *ssa.Function, depth int) []*ssa.Store {
	var found []*ssa.Store
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Store:
				if f, ok := instr.Addr.(*ssa.FieldAddr); ok && f.X == fn.Params[0] && isBool(instr.Val.Type()) && isZeroValue(instr.Val) {
					found = append(found, instr)
				}
			case *ssa.Call:
				callee := instr.Call.StaticCallee()
				if callee != nil && depth < 3 && len(instr.Call.Args) > 0 && instr.Call.Args[0] == fn.Params[0] && len(callee.Params) > 0 {
					found = append(found, lowers(callee, depth+1)...)
				}
			}
		}
	}
	return found
}

// functionOf returns the function of the package that a method is, nil for none.
func functionOf(m *poolmodel.Model, method *types.Func) *ssa.Function {
	i := slices.IndexFunc(m.Funcs, func(fn *ssa.Function) bool { return method != nil && fn.Object() == method })
	if i < 0 {
		return nil
	}
	return m.Funcs[i]
}
