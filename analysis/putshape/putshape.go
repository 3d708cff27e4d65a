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

// Analyzer reports values that do not fit the pool they are put into.
var Analyzer = newAnalyzer()

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:     "putshape",
		Doc:      "report values put into a pool that they do not fit: no pointer, another pool's, another size",
		URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#putshape",
		Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	}
	bound := a.Flags.Bool("bound", false, "also report pools of buffers that grow where no Put looks at the size")
	a.Run = func(pass *analysis.Pass) (any, error) { return run(pass, *bound) }
	return a
}

func run(pass *analysis.Pass, bound bool) (any, error) {
	m := poolmodel.Of(pass)
	puts := m.Puts()
	for _, put := range puts {
		if put.Boxed && put.Name == "sync.Pool.Put" && !pointerShaped(put.Value.Type()) && !m.KnowsBoxed(put.Instr.Pos()) {
			m.Report(pass, analysis.Diagnostic{Category: "boxed", Pos: put.Instr.Pos(), Message: fmt.Sprintf(
				"%s of a %s allocates its copy on the heap: put a pointer", m.CallText(put.Instr), put.Value.Type())})
		}
	}
	checkOrigins(pass, m)
	checkTypes(pass, m, puts)
	checkCut(pass, m)
	checkShort(pass, m)
	checkFixed(pass, m, puts)
	checkGiven(pass, m)
	if bound {
		checkBound(pass, m, puts)
	}
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

// move is a value that comes out of one pool and goes into another.
type move struct {
	acq   poolmodel.Acquisition
	instr ssa.Instruction
	from  string
	to    string
}

// checkOrigins reports the values that come out of one pool and go into another. Two pools that exchange values both ways are
// meant to: one for what is in use, say, and one for what is empty.
func checkOrigins(pass *analysis.Pass, m *poolmodel.Model) {
	var moves []move
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if mv, ok := moveOf(m, m.Track(fn, acq), acq); ok {
				moves = append(moves, mv)
			}
		}
	}
	for _, mv := range moves {
		if slices.ContainsFunc(moves, func(back move) bool { return back.from == mv.to && back.to == mv.from }) {
			continue
		}
		m.Report(pass, analysis.Diagnostic{Category: "other-pool", Pos: mv.instr.Pos(), Message: fmt.Sprintf(
			"%s goes into %s, but came out of %s: the next Get there finds something else than it expects",
			m.Got(mv.acq), poolmodel.ShortPool(mv.to), poolmodel.ShortPool(mv.from))})
	}
}

// moveOf returns the first Put of what acq got into another pool.
func moveOf(m *poolmodel.Model, t *flow.Track, acq poolmodel.Acquisition) (mv move, found bool) {
	if acq.Pool == "" || poolmodel.IsPointed(acq.Pool) {
		return move{}, false
	}
	whole := t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		e := m.Event(t, s, instr)
		if e.Kind != poolmodel.Put && e.Kind != poolmodel.DeferPut {
			return true
		}
		if e.Pool != "" && !poolmodel.IsPointed(e.Pool) && e.Pool != acq.Pool && e.Class == flow.Same && (!found || instr.Pos() < mv.instr.Pos()) {
			mv, found = move{acq, instr, acq.Pool, e.Pool}, true
		}
		return e.Kind == poolmodel.DeferPut
	})
	return mv, found && whole
}
