package useafterput

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// releases reports second calls of a method that puts back what is in a field of its receiver each time.
func releases(pass *analysis.Pass, m *poolmodel.Model) {
	fields := map[*ssa.Function]*ssa.FieldAddr{} // of such methods, what they put back
	for _, fn := range m.Funcs {
		if f := putsField(m, fn); f != nil {
			fields[fn] = f
		}
	}
	if len(fields) == 0 {
		return
	}
	reported := map[token.Pos]bool{}
	for _, fn := range m.Funcs {
		for _, v := range released(fn, fields) {
			r := releaseWalk{m: m, fields: fields, t: track(m, fn, v)}
			whole := r.t.Walk(r.visit)
			if !whole || r.second == nil || reported[r.second.Pos()] {
				continue
			}
			reported[r.second.Pos()] = true
			method := r.second.Common().StaticCallee()
			m.Report(pass, analysis.Diagnostic{
				Category: "released-twice",
				Pos:      r.second.Pos(),
				Message: fmt.Sprintf("%s puts back what is in %s a second time, after line %d: the pool lends it to two at once",
					m.CallText(r.second), fieldName(fields[method]), m.Line(r.first.Pos())),
				Related: []analysis.RelatedInformation{{Pos: r.first.Pos(), Message: "put back here"}},
			})
		}
	}
}

// putsField returns the field of its receiver of which a method puts back what is there whichever way it goes, as often as it is called; nil for
// another function.
func putsField(m *poolmodel.Model, fn *ssa.Function) *ssa.FieldAddr {
	if fn.Signature.Recv() == nil || len(fn.Blocks) == 0 || guarded(fn) {
		return nil
	}
	for put := range fieldPuts(m, fn) {
		load, ok := put.value.(*ssa.UnOp)
		if ok && load.X == put.field && put.level == poolmodel.Always && alwaysRuns(put.call) {
			return put.field
		}
	}
	return nil
}

// alwaysRuns reports whether every path to a return comes by instr.
func alwaysRuns(instr ssa.Instruction) bool {
	for _, b := range instr.Parent().Blocks {
		if _, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok && b != instr.Parent().Recover && !instr.Block().Dominates(b) {
			return false
		}
	}
	return true
}

// released returns the values of which fn calls such a method more than once.
func released(fn *ssa.Function, fields map[*ssa.Function]*ssa.FieldAddr) []ssa.Value {
	times := map[ssa.Value]int{}
	var found []ssa.Value
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if !ok || fields[call.Common().StaticCallee()] == nil {
				continue
			}
			v := call.Common().Args[0]
			switch v.(type) {
			case *ssa.Call, *ssa.Extract, *ssa.Parameter, *ssa.Alloc, *ssa.Phi:
				if times[v]++; times[v] == 2 {
					found = append(found, v)
				}
			}
		}
	}
	return found
}

func track(m *poolmodel.Model, fn *ssa.Function, v ssa.Value) *flow.Track {
	t := flow.NewTrack(fn, v, -1, m)
	t.Exact = true
	return t
}

const flagReleased flow.Flags = 1

type releaseWalk struct {
	m             *poolmodel.Model
	t             *flow.Track
	fields        map[*ssa.Function]*ssa.FieldAddr
	first, second ssa.CallInstruction
}

func (r *releaseWalk) visit(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store: // to the field, or of the value somewhere
		f, ok := instr.Addr.(*ssa.FieldAddr)
		return !(ok && r.t.Live(s, f.X) == flow.Same) && r.t.Live(s, instr.Val) != flow.Same
	case ssa.CallInstruction:
		field := r.fields[instr.Common().StaticCallee()]
		if field != nil && r.t.Live(s, instr.Common().Args[0]) == flow.Same {
			if s.Flags&flagReleased != 0 {
				if r.second == nil || instr.Pos() < r.second.Pos() {
					r.first, r.second = s.Mark.(ssa.CallInstruction), instr
				}
				return false
			}
			s.Flags |= flagReleased
			s.Mark = instr.(ssa.Instruction)
			return true
		}
		return s.Flags&flagReleased == 0 || !r.mayFill(s, instr)
	}
	return true
}

// mayFill reports whether a call may give the released value something new in its field: it is given the value, and is not a function of the
// package that leaves all its fields alone.
func (r *releaseWalk) mayFill(s *flow.State, call ssa.CallInstruction) bool {
	fn := call.Common().StaticCallee()
	for i, x := range flow.Operands(call.Common()) {
		if c := r.t.Live(s, x); c == flow.None || c > flow.Holder {
			continue
		}
		if fn == nil || len(fn.Blocks) == 0 || i >= len(fn.Params) || storesIn(fn, fn.Params[i]) {
			return true
		}
	}
	return false
}

// storesIn reports whether fn stores to a field of what v points to, or gives v to somebody else.
func storesIn(fn *ssa.Function, v ssa.Value) bool {
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.FieldAddr:
			for _, use := range *ref.Referrers() {
				if _, read := use.(*ssa.UnOp); !read {
					return true
				}
			}
		case *ssa.UnOp, *ssa.DebugRef:
		default:
			return true
		}
	}
	return false
}
