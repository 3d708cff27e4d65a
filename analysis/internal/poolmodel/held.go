package poolmodel

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// frees reports whether a call puts back what is in a field of the root of t, by itself or by way of a method of the root or of the field's
// value.
func (m *Model) frees(t *flow.Track, s *flow.State, call *ssa.CallCommon) bool {
	for arg, x := range flow.Operands(call) {
		field := readFrom(x)
		if field != nil && t.Live(s, field.X) == flow.Same && !t.Cell(field.X) {
			if p := m.effect(call, arg); p.Put != Never || p.Frees {
				return true
			}
		} else if t.Live(s, x) == flow.Same && m.effect(call, arg).Frees {
			return true
		}
	}
	return false
}

// boxedFrees reports whether v is put into an interface with a method that puts back what its value holds: whoever is given it may do so, such as by
// reading it to its end.
func (m *Model) boxedFrees(v ssa.Value) bool {
	box, ok := v.(*ssa.MakeInterface)
	if !ok {
		return false
	}
	methods := types.NewMethodSet(box.X.Type())
	iface := box.Type().Underlying().(*types.Interface)
	for i := range iface.NumMethods() {
		wanted := iface.Method(i)
		sel := methods.Lookup(wanted.Pkg(), wanted.Name())
		if sel == nil {
			continue
		}
		method := sel.Obj().(*types.Func).Origin()
		if s := m.imported(method); s != nil && len(s.Params) > 0 && s.Params[0].Frees {
			return true
		}
		for _, fn := range m.Funcs {
			if fn.Object() == method && m.param(fn, 0).Frees {
				return true
			}
		}
	}
	return false
}

// isHolder reports whether v is a new struct that holds the root of t, and of a type with a method that puts back what its value holds.
func (m *Model) isHolder(t *flow.Track, s *flow.State, v ssa.Value) bool {
	box, boxed := v.(*ssa.MakeInterface)
	if boxed {
		v = box.X
	}
	made, ok := v.(*ssa.Alloc)
	if !ok || !made.Heap || t.Live(s, made) != flow.Holder {
		return false
	}
	named := namedOf(made.Type())
	if named == nil {
		return false
	}
	frees := false
	for _, fn := range m.Funcs {
		obj, ok := fn.Object().(*types.Func)
		if !ok || obj.Signature().Recv() == nil {
			continue
		}
		if recv := namedOf(obj.Signature().Recv().Type()); recv != nil && recv.Origin() == named.Origin() && m.param(fn, 0).Frees {
			if boxed && !endsUse.MatchString(fn.Name()) {
				return false // another method, by way of an interface, may do so as well
			}
			frees = true
		}
	}
	return frees
}
