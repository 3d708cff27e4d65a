package putshape

import (
	"fmt"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkTypes reports Puts of a value of another type than the one that each Get of the pool in this package expects: &b for a b that is a
// pointer already, say.
func checkTypes(pass *analysis.Pass, m *poolmodel.Model, puts []poolmodel.PutSite) {
	wanted := gotAs(m)
	for _, put := range puts {
		want := wanted[put.Pool]
		if put.Name != "sync.Pool.Put" || !put.Boxed || put.Pool == "" || want == nil || fits(put.Value.Type(), want) {
			continue
		}
		m.Report(pass, analysis.Diagnostic{Category: "other-type", Pos: put.Instr.Pos(), Message: fmt.Sprintf(
			"%s of a %s, but what comes out of %s is asserted to be a %s", m.CallText(put.Instr), short(put.Value.Type()), poolmodel.ShortPool(put.Pool), short(want))})
	}
	checkMixed(pass, m, puts, wanted)
}

// checkMixed reports Puts into a pool that is used as two types, of a value of which one of its Gets panics. Of a field that is a Get of what its New makes.
func checkMixed(pass *analysis.Pass, m *poolmodel.Model, puts []poolmodel.PutSite, wanted map[string]types.Type) {
	made := m.Makes()
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if want, asked := wanted[acq.Pool]; !asked || want != nil {
				continue
			}
			as := assertedAs(acq.Call)
			if as == nil || isAsked(acq.Call) || !isVariable(acq) && !isMade(made[acq.Pool], as) {
				continue
			}
			for _, put := range puts {
				t := typeOf(put.Value)
				if put.Pool == acq.Pool && put.Name == "sync.Pool.Put" && !mayBe(t, as) {
					m.Report(pass, analysis.Diagnostic{Category: "mixed-type", Pos: put.Instr.Pos(), Message: fmt.Sprintf("%s of a %s, but line %d asserts what comes out of %s to be a %s",
						m.CallText(put.Instr), short(t), m.Line(acq.Call.Pos()), poolmodel.ShortPool(acq.Pool), short(as))})
				}
			}
		}
	}
}

// typeOf returns the type of a value before it became an any.
func typeOf(v ssa.Value) types.Type {
	if change, ok := v.(*ssa.ChangeInterface); ok {
		v = change.X
	}
	return v.Type()
}

// isVariable reports whether a value comes right out of a pool that is a variable of the package: of a field there may be one for each type.
func isVariable(acq poolmodel.Acquisition) bool {
	operands := flow.Operands(&acq.Call.Call)
	if len(operands) == 0 {
		return false
	}
	_, ok := operands[0].(*ssa.Global)
	return ok
}

// isMade reports whether the only New of a field makes values of a type: that is what all of its pools have.
func isMade(made, as types.Type) bool { return made != nil && mayBe(made, as) }

// isAsked reports whether an assertion of v asks whether it holds.
func isAsked(v ssa.Value) bool {
	return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		assert, ok := ref.(*ssa.TypeAssert)
		return ok && assert.CommaOk
	})
}

// mayBe reports whether a value that a variable of type t has may be asserted to be a want.
func mayBe(t, want types.Type) bool {
	iface, ok := t.Underlying().(*types.Interface)
	if !ok {
		return fits(t, want)
	}
	return types.IsInterface(want) || mentionsParam(want) || types.Implements(want, iface)
}

// gotAs returns the type that all Gets of a pool assert what they get to be, by the pool's name. A pool of which a Get does something else, or
// that is used as two types, has none.
func gotAs(m *poolmodel.Model) map[string]types.Type {
	wanted := map[string]types.Type{}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool == "" || !m.IsAPI(&acq.Call.Call, "sync.Pool.Get") {
				continue
			}
			as := assertedAs(acq.Call)
			if old, seen := wanted[acq.Pool]; as == nil || seen && (old == nil || !types.Identical(old, as)) {
				as = nil
			}
			wanted[acq.Pool] = as
		}
	}
	return wanted
}

// assertedAs returns the type that all uses of a value assert it to be, nil where one does not.
func assertedAs(v ssa.Value) types.Type {
	var as types.Type
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.DebugRef:
		case *ssa.TypeAssert:
			if as != nil && !types.Identical(as, ref.AssertedType) {
				return nil
			}
			as = ref.AssertedType
		case *ssa.BinOp: // whether there is one
		default:
			return nil
		}
	}
	return as
}

// fits reports whether an assertion that a value of type t is a want holds, or may hold for a type parameter.
func fits(t, want types.Type) bool {
	if mentionsParam(t) || mentionsParam(want) {
		return true
	}
	if iface, ok := want.Underlying().(*types.Interface); ok {
		return types.Implements(t, iface)
	}
	basic, ok := t.Underlying().(*types.Basic)
	return types.Identical(t, want) || ok && basic.Kind() == types.UntypedNil
}

// mentionsParam reports whether a type parameter is in t, but for one inside a struct.
func mentionsParam(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	case *types.Pointer:
		return mentionsParam(t.Elem())
	case *types.Slice:
		return mentionsParam(t.Elem())
	case *types.Array:
		return mentionsParam(t.Elem())
	case *types.Chan:
		return mentionsParam(t.Elem())
	case *types.Map:
		return mentionsParam(t.Key()) || mentionsParam(t.Elem())
	case *types.Named:
		return slices.ContainsFunc(slices.Collect(t.TypeArgs().Types()), mentionsParam)
	}
	return false
}

// short returns a type with the names of packages in place of their paths.
func short(t types.Type) string { return types.TypeString(t, (*types.Package).Name) }
