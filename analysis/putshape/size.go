package putshape

import (
	"fmt"
	"go/constant"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkFixed reports Puts into a pool of one size that may be given another, with no look at the size.
func checkFixed(pass *analysis.Pass, m *poolmodel.Model, puts []poolmodel.PutSite) {
	news := m.News()
	for _, put := range puts {
		made := news[put.Pool]
		if made == nil || put.Pool == "" || !fixedSize(made) || guarded(put.Instr) {
			continue
		}
		other := otherSize(m, put.Value, map[ssa.Value]bool{})
		if other == nil || measured(m, put.Pool) {
			continue
		}
		m.Report(pass, analysis.Diagnostic{
			Pos: put.Instr.Pos(),
			Message: fmt.Sprintf("%s makes values of one size, but may be given one of another (made in line %d): a later Get gets it",
				poolmodel.ShortPool(put.Pool), m.Line(other.Pos())),
			Related: []analysis.RelatedInformation{{Pos: other.Pos(), Message: "made here"}},
		})
	}
}

// measured reports whether a Get of the pool looks at the capacity of what it gets.
func measured(m *poolmodel.Model, pool string) bool {
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool != pool {
				continue
			}
			t := m.Track(fn, acq)
			for _, b := range fn.Blocks {
				for _, instr := range b.Instrs {
					call, ok := instr.(*ssa.Call)
					if !ok {
						continue
					}
					if f, ok := call.Call.Value.(*ssa.Builtin); ok && f.Name() == "cap" && t.Class(call.Call.Args[0]) != flow.None {
						return true
					}
				}
			}
		}
	}
	return false
}

// fixedSize reports whether a pool's New returns values of one size: an allocation with constant arguments.
func fixedSize(made *ssa.Function) bool {
	sized := false
	for _, b := range made.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.MakeSlice:
				return false // a length that is not constant: a constant one is an array's
			case *ssa.Call:
				if !isAllocator(instr) {
					return false
				}
				if !constantArgs(instr) {
					return false
				}
				sized = true
			case *ssa.Slice:
				_, array := arrayOf(instr.X.Type())
				sized = sized || array
			case *ssa.Alloc:
				array, ok := arrayOf(instr.Type())
				sized = sized || ok && array.Len() > 0
			}
		}
	}
	return sized
}

func arrayOf(t types.Type) (*types.Array, bool) {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return nil, false
	}
	a, ok := p.Elem().Underlying().(*types.Array)
	return a, ok
}

// isAllocator reports whether a call makes something whose size its arguments give: a function named New… or Make….
func isAllocator(call *ssa.Call) bool {
	fn := call.Call.StaticCallee()
	return fn != nil && (strings.HasPrefix(fn.Name(), "New") || strings.HasPrefix(strings.ToLower(fn.Name()), "make") ||
		strings.HasPrefix(fn.Name(), "new") || fn.Name() == "Rect" || fn.Name() == "Pt")
}

func constantArgs(call *ssa.Call) bool {
	for _, arg := range call.Call.Args {
		switch arg := arg.(type) {
		case *ssa.Const:
		case *ssa.Call:
			if !isAllocator(arg) || !constantArgs(arg) {
				return false
			}
		case *ssa.UnOp: // a struct of constants, as image.Rectangle{…}
			if _, ok := arg.X.(*ssa.Alloc); !ok {
				return false
			}
		default:
			return false
		}
	}
	return len(call.Call.Args) > 0
}

// otherSize returns an allocation with a size that is not constant among the values that v may be, nil for none. Only where v
// may also come out of a pool is it a pooled value at all, which the caller knows from the Put.
func otherSize(m *poolmodel.Model, v ssa.Value, seen map[ssa.Value]bool) ssa.Value {
	if seen[v] {
		return nil
	}
	seen[v] = true
	switch v := v.(type) {
	case *ssa.MakeSlice:
		if !isConst(v.Len) || !isConst(v.Cap) {
			return v
		}
	case *ssa.Call:
		if isAllocator(v) && len(v.Call.Args) > 0 && !constantArgs(v) {
			return v
		}
		if fn := v.Call.StaticCallee(); fn != nil {
			return fallback(m, fn, seen)
		}
	case *ssa.Phi:
		for _, edge := range v.Edges {
			if other := otherSize(m, edge, seen); other != nil {
				return other
			}
		}
	case *ssa.MakeInterface:
		return otherSize(m, v.X, seen)
	case *ssa.TypeAssert:
		return otherSize(m, v.X, seen)
	case *ssa.Slice:
		return otherSize(m, v.X, seen)
	case *ssa.UnOp:
		if cell, ok := v.X.(*ssa.Alloc); ok {
			return otherSize(m, cell, seen)
		}
	case *ssa.Alloc:
		return storedSize(m, v, seen)
	case *ssa.Parameter:
		return argumentSize(m, v, seen)
	}
	return nil
}

func isConst(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && (c.Value == nil || c.Value.Kind() == constant.Int)
}

// storedSize looks at what is stored in a variable.
func storedSize(m *poolmodel.Model, cell *ssa.Alloc, seen map[ssa.Value]bool) ssa.Value {
	for _, ref := range *cell.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == cell {
			if other := otherSize(m, store.Val, seen); other != nil {
				return other
			}
		}
	}
	return nil
}

// fallback looks at what a wrapper returns beside what it takes from a pool.
func fallback(m *poolmodel.Model, fn *ssa.Function, seen map[ssa.Value]bool) ssa.Value {
	if len(m.Acquisitions(fn)) == 0 {
		return nil
	}
	for _, b := range fn.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		for _, r := range ret.Results {
			if other := otherSize(m, r, seen); other != nil {
				return other
			}
		}
	}
	return nil
}

// argumentSize looks at what the package's functions give a wrapper of Put as its parameter.
func argumentSize(m *poolmodel.Model, p *ssa.Parameter, seen map[ssa.Value]bool) ssa.Value {
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				call, ok := instr.(ssa.CallInstruction)
				if !ok || call.Common().StaticCallee() != p.Parent() {
					continue
				}
				for i, param := range p.Parent().Params {
					if param == p && !guarded(call) {
						if other := otherSize(m, call.Common().Args[i], seen); other != nil {
							return other
						}
					}
				}
			}
		}
	}
	return nil
}
