package putshape

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkCut reports slices that go back without their beginning: what was cut off there is lost, so that the memory gets shorter each time.
func checkCut(pass *analysis.Pass, m *poolmodel.Model) {
	cuts := fieldCuts(m)
	for _, fn := range m.Funcs {
		got := m.Acquisitions(fn)
		for o := range flow.AllOperands(fn) {
			if m.PutLevel(o.Call.Common(), o.Index) == poolmodel.Never {
				continue
			}
			what, kind, cut := lostFront(m, o.Value, got, cuts)
			if cut == nil {
				continue
			}
			m.Report(pass, analysis.Diagnostic{
				Category: kind,
				Pos:      o.Call.Pos(),
				Message: fmt.Sprintf("%s goes back without what line %d cuts off its beginning: it gets shorter each time",
					what, m.Line(cut.Pos())),
				Related: []analysis.RelatedInformation{{Pos: cut.Pos(), Message: "cut here"}},
			})
		}
	}
}

// lostFront returns the cut by which x, which a call puts back, lost its beginning after it was got, or while it was in a field.
func lostFront(m *poolmodel.Model, x ssa.Value, got []poolmodel.Acquisition, cuts map[place]*ssa.Slice) (what, kind string, cut *ssa.Slice) {
	if box, ok := x.(*ssa.MakeInterface); ok {
		x = box.X
	}
	for _, acq := range got {
		if cut := frontCut(x, acq.Value, map[ssa.Value]bool{}); cut != nil {
			return m.Got(acq), "cut", cut
		}
	}
	if at, ok := placeOf(x); ok {
		return at.name, "cut-field", cuts[at]
	}
	return "", "", nil
}

// frontCut returns a cut at the front by which v, a slice or a pointer to one, has come from root on some path, nil for none.
func frontCut(v, root ssa.Value, seen map[ssa.Value]bool) *ssa.Slice {
	if root == nil || seen[v] || !comesFrom(v, root, map[ssa.Value]bool{}) {
		return nil
	}
	seen[v] = true
	switch x := v.(type) {
	case *ssa.Slice:
		if cutsFront(x) {
			return x
		}
		return frontCut(x.X, root, seen)
	case *ssa.Phi:
		for _, e := range x.Edges {
			if cut := frontCut(e, root, seen); cut != nil {
				return cut
			}
		}
	case *ssa.TypeAssert:
		if p, ok := x.Type().Underlying().(*types.Pointer); ok && isSlice(p.Elem()) {
			if stores := storesTo(x); len(stores) == 1 { // *bp = (*bp)[n:]
				return frontCut(stores[0].Val, root, seen)
			}
		}
	}
	return nil
}

// comesFrom reports whether v is root, or made of it by cuts and assertions, on some path.
func comesFrom(v, root ssa.Value, seen map[ssa.Value]bool) bool {
	if v == root {
		return true
	}
	if seen[v] {
		return false
	}
	seen[v] = true
	switch x := v.(type) {
	case *ssa.Slice:
		return comesFrom(x.X, root, seen)
	case *ssa.TypeAssert:
		return comesFrom(x.X, root, seen)
	case *ssa.Extract:
		return comesFrom(x.Tuple, root, seen)
	case *ssa.UnOp:
		return x.Op == token.MUL && comesFrom(x.X, root, seen)
	case *ssa.Phi:
		for _, e := range x.Edges {
			if comesFrom(e, root, seen) {
				return true
			}
		}
	}
	return false
}

func isSlice(t types.Type) bool {
	_, ok := t.Underlying().(*types.Slice)
	return ok
}

func storesTo(addr ssa.Value) []*ssa.Store {
	var found []*ssa.Store
	for _, ref := range *addr.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == addr {
			found = append(found, store)
		}
	}
	return found
}

// cutsFront reports whether a cut leaves out the beginning.
func cutsFront(s *ssa.Slice) bool {
	if s.Low == nil {
		return false
	}
	c, ok := s.Low.(*ssa.Const)
	return !ok || constant.Sign(c.Value) != 0
}

// place is a field of a struct type, or what is in an element of that.
type place struct {
	name    string
	element bool
}

// placeOf returns the place that a slice was read from.
func placeOf(v ssa.Value) (place, bool) {
	for {
		cut, ok := v.(*ssa.Slice)
		if !ok {
			break
		}
		v = cut.X
	}
	load, ok := v.(*ssa.UnOp)
	if !ok || load.Op != token.MUL || !isSlice(v.Type()) {
		return place{}, false
	}
	return placeAt(load.X)
}

func placeAt(addr ssa.Value) (at place, ok bool) {
	if element, is := addr.(*ssa.IndexAddr); is {
		load, is := element.X.(*ssa.UnOp)
		if !is || load.Op != token.MUL {
			return place{}, false
		}
		at.element, addr = true, load.X
	}
	f, ok := addr.(*ssa.FieldAddr)
	if !ok {
		return place{}, false
	}
	of := flow.FieldOf(f)
	at.name = short(of.Struct) + "." + of.Struct.Underlying().(*types.Struct).Field(of.Index).Name()
	return at, true
}

// fieldCuts returns the places whose slices are cut at the front where they are, each with a cut.
func fieldCuts(m *poolmodel.Model) map[place]*ssa.Slice {
	cuts := map[place]*ssa.Slice{}
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				store, ok := instr.(*ssa.Store)
				if !ok {
					continue
				}
				cut, ok := store.Val.(*ssa.Slice)
				if !ok || !cutsFront(cut) {
					continue
				}
				at, ok := placeAt(store.Addr)
				if from, same := placeOf(cut.X); ok && same && from == at {
					cuts[at] = cut
				}
			}
		}
	}
	return cuts
}
