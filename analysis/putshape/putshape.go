package putshape

import (
	"fmt"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports values that do not fit the pool they are put into.
var Analyzer = &analysis.Analyzer{
	Name:     "putshape",
	Doc:      "report values put into a pool that they do not fit: no pointer, another pool's, another size, no bound on the size",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#putshape",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	puts := m.Puts()
	for _, put := range puts {
		if put.Boxed && put.Name == "sync.Pool.Put" && !pointerShaped(put.Value.Type()) {
			m.Report(pass, analysis.Diagnostic{Pos: put.Instr.Pos(), Message: fmt.Sprintf(
				"%s of a %s allocates its copy on the heap: put a pointer", m.CallText(put.Instr), put.Value.Type())})
		}
	}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool != "" {
				checkOrigin(pass, m, fn, acq)
			}
		}
	}
	checkFixed(pass, m, puts)
	checkBound(pass, m, puts)
	return nil, nil
}

// pointerShaped reports whether an interface holds a value of type t without an allocation.
func pointerShaped(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer || u.Kind() == types.UntypedNil
	case *types.Struct:
		return u.NumFields() == 0 || u.NumFields() == 1 && pointerShaped(u.Field(0).Type())
	case *types.Array:
		return u.Len() == 0 || u.Len() == 1 && pointerShaped(u.Elem())
	}
	_, generic := types.Unalias(t).(*types.TypeParam)
	return generic
}

// checkOrigin reports what acq got from one pool and fn puts into another.
func checkOrigin(pass *analysis.Pass, m *poolmodel.Model, fn *ssa.Function, acq poolmodel.Acquisition) {
	t := m.Track(fn, acq)
	reported := false
	t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		e := m.Event(t, s, instr)
		if e.Kind != poolmodel.Put && e.Kind != poolmodel.DeferPut {
			return true
		}
		if e.Pool != "" && e.Pool != acq.Pool && e.Class == flow.Same && !reported {
			reported = true
			m.Report(pass, analysis.Diagnostic{Pos: instr.Pos(), Message: fmt.Sprintf(
				"%s goes into %s, but came out of %s: the next Get there finds something else than it expects",
				m.Got(acq), poolmodel.ShortPool(e.Pool), poolmodel.ShortPool(acq.Pool))})
		}
		return e.Kind == poolmodel.DeferPut
	})
}
