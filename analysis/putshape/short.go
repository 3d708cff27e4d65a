package putshape

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// fills matches the names of functions that read into all of a slice.
var fills = regexp.MustCompile(`(?i)^(read|recv|receive)`)

// checkShort reports slices that are cut at their end before they go back, where somebody reads into all of what comes out: the next reads less, or nothing.
func checkShort(pass *analysis.Pass, m *poolmodel.Model) {
	readers := map[string]*ssa.Call{}
	fields := map[flow.Field]*ssa.Call{}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Value == nil || acq.Wrapper && !passesOn(acq.Call.Call.StaticCallee()) {
				continue
			}
			call, field := readsWhole(fn, acq)
			switch {
			case call == nil || field == nil && (acq.Pool == "" || poolmodel.IsEach(acq.Pool)):
			case field == nil:
				readers[acq.Pool] = call
			default:
				fields[*field] = call
			}
		}
	}
	if len(readers)+len(fields) == 0 {
		return
	}
	for _, fn := range m.Funcs {
		got := m.Acquisitions(fn)
		for o := range flow.AllOperands(fn) {
			p := m.PutOf(o.Call.Common(), o.Index)
			read := readers[p]
			callee := o.Call.Common().StaticCallee()
			if read == nil || !m.IsAPI(o.Call.Common(), "sync.Pool.Put") && !passesOn(callee) {
				continue
			}
			for _, acq := range got {
				if cut := endCut(unbox(o.Value), acq.Value, map[ssa.Value]bool{}); cut != nil {
					reportShort(pass, m, o.Call.Pos(), cut, read)
				}
			}
		}
	}
	for field, read := range fields {
		if cut := emptiedBeforePut(m, field); cut != nil {
			reportShort(pass, m, cut.Pos(), cut, read)
		}
	}
}

// passesOn reports whether a wrapper gets or puts what it does as it is: it is here to be seen, and cuts and makes no slice.
func passesOn(fn *ssa.Function) bool {
	if fn == nil || len(fn.Blocks) == 0 {
		return false
	}
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr.(type) {
			case *ssa.Slice, *ssa.MakeSlice:
				return false
			}
		}
	}
	return true
}

func reportShort(pass *analysis.Pass, m *poolmodel.Model, at token.Pos, cut *ssa.Slice, read *ssa.Call) {
	m.Report(pass, analysis.Diagnostic{
		Category: "shorter",
		Pos:      at,
		Message: fmt.Sprintf("the slice goes back with the length that line %d cuts it to, but line %d reads into all of what it gets: the next reads less",
			m.Line(cut.Pos()), m.Line(read.Pos())),
		Related: []analysis.RelatedInformation{{Pos: read.Pos(), Message: "reads into all of it"}},
	})
}

func unbox(v ssa.Value) ssa.Value {
	if box, ok := v.(*ssa.MakeInterface); ok {
		return box.X
	}
	return v
}

// readsWhole returns a call that reads into all of the slice that acq has got, as it came, or into all of a slice in a field of it.
func readsWhole(fn *ssa.Function, acq poolmodel.Acquisition) (*ssa.Call, *flow.Field) {
	for o := range flow.AllOperands(fn) {
		call, ok := o.Call.(*ssa.Call)
		if !ok || !isSlice(o.Value.Type()) || !fills.MatchString(poolmodel.CalleeName(&call.Call)) || call.Call.Signature().Results().Len() < 2 {
			continue
		}
		v := o.Value
		if load, ok := v.(*ssa.UnOp); ok && load.Op == token.MUL {
			if f, ok := load.X.(*ssa.FieldAddr); ok && isGot(f.X, acq) {
				if !isStored(fn, func(addr ssa.Value) bool {
					g, ok := addr.(*ssa.FieldAddr)
					return ok && g.X == f.X && g.Field == f.Field
				}) {
					field := flow.FieldOf(f)
					return call, &field
				}
				continue
			}
			if isStored(fn, func(addr ssa.Value) bool { return addr == load.X }) {
				continue
			}
			v = load.X
		}
		if isGot(v, acq) {
			return call, nil
		}
	}
	return nil, nil
}

// isGot reports whether v is what acq has got, out of its interface.
func isGot(v ssa.Value, acq poolmodel.Acquisition) bool {
	if x, ok := v.(*ssa.Extract); ok && v != acq.Value {
		v = x.Tuple
	}
	if assert, ok := v.(*ssa.TypeAssert); ok {
		v = assert.X
	}
	return v == acq.Value
}

// isStored reports whether fn stores to an address that is means.
func isStored(fn *ssa.Function, is func(ssa.Value) bool) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if store, ok := instr.(*ssa.Store); ok && is(store.Addr) {
				return true
			}
		}
	}
	return false
}

// endCut returns a cut at the end by which v has come from root on each path, with no look at its capacity, nil for none.
func endCut(v, root ssa.Value, seen map[ssa.Value]bool) *ssa.Slice {
	if root == nil || seen[v] || !comesFrom(v, root, map[ssa.Value]bool{}) {
		return nil
	}
	seen[v] = true
	switch x := v.(type) {
	case *ssa.Slice:
		if x.High == nil {
			return endCut(x.X, root, seen)
		}
		if isSize(x.High, 0) {
			return nil
		}
		return x
	case *ssa.TypeAssert:
		if p, ok := x.Type().Underlying().(*types.Pointer); ok && isSlice(p.Elem()) {
			if stores := storesTo(x); len(stores) == 1 { // *bp = (*bp)[:n]
				return endCut(stores[0].Val, root, seen)
			}
		}
	}
	return nil
}

// emptiedBeforePut returns the cut by which what puts back a struct, or resets it, always empties a slice in a field of it, nil for none.
func emptiedBeforePut(m *poolmodel.Model, field flow.Field) *ssa.Slice {
	var found *ssa.Slice
	for _, fn := range m.Funcs {
		puts := poolmodel.IsResetName(fn.Name())
		for i := range fn.Params {
			puts = puts || m.Param(fn, i).Put != poolmodel.Never
		}
		if !puts {
			continue
		}
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				store, ok := instr.(*ssa.Store)
				if !ok {
					continue
				}
				f, ok := store.Addr.(*ssa.FieldAddr)
				if !ok || flow.FieldOf(f) != field {
					continue
				}
				cut, ok := store.Val.(*ssa.Slice)
				if !ok || cut.High == nil || !flow.IsZero(cut.High) {
					return nil
				}
				found = cut
			}
		}
	}
	return found
}
