package putshape

import (
	"fmt"
	"go/constant"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkFixed reports Puts into a pool of one size that may be given another, with no look at the size, where whoever gets a value
// does not look at it either.
func checkFixed(pass *analysis.Pass, m *poolmodel.Model, puts []poolmodel.PutSite) {
	news := m.News()
	for _, put := range puts {
		made := news[put.Pool]
		if made == nil || put.Pool == "" || poolmodel.IsEach(put.Pool) || !fixedSize(made) || guarded(put.Instr) {
			continue
		}
		other := otherSize(m, put.Value, map[ssa.Value]bool{})
		if other == nil || !relies(m, put.Pool) {
			continue
		}
		m.Report(pass, analysis.Diagnostic{
			Category: "other-size",
			Pos:      put.Instr.Pos(),
			Message: fmt.Sprintf("%s makes values of one size, but may be given one of another (made in line %d): a later Get gets it",
				poolmodel.ShortPool(put.Pool), m.Line(other.Pos())),
			Related: []analysis.RelatedInformation{{Pos: other.Pos(), Message: "made here"}},
		})
	}
}

// relies reports whether somebody who gets values of a pool takes them for ones of the size that its New makes.
func relies(m *poolmodel.Model, pool string) bool {
	relied := false
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool != pool {
				continue
			}
			t := m.Track(fn, acq)
			switch looks := asksSize(t); {
			case looks == "cap":
				return false
			case looks == "" && !leavesToCallers(t):
				relied = true
			}
		}
	}
	return relied
}

// Methods by which somebody asks how large a value is.
var sizes = regexp.MustCompile(`^(Bounds|Len|Cap|Size|Available|Buffered)$`)

// asksSize returns how a function asks for the size of the value that t follows, or begins at its beginning: by cap, by len, by a cut to nothing, by a
// method, or "" where it does not.
func asksSize(t *flow.Track) string {
	asks := ""
	for _, b := range t.Fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Slice:
				if instr.High != nil && flow.IsZero(instr.High) && t.Class(instr.X) != flow.None {
					asks = "[:0]"
				}
			case *ssa.Call:
				operands := flow.Operands(&instr.Call)
				if len(operands) == 0 || t.Class(operands[0]) == flow.None {
					continue
				}
				f, builtin := instr.Call.Value.(*ssa.Builtin)
				switch {
				case builtin && f.Name() == "cap":
					return "cap"
				case builtin && f.Name() == "len" && slices.ContainsFunc(*instr.Referrers(), compares):
					asks = "len"
				case !builtin && sizes.MatchString(poolmodel.CalleeName(&instr.Call)):
					asks = "method"
				}
			}
		}
	}
	return asks
}

// compares reports whether an instruction compares, but for the head of a loop over all elements.
func compares(instr ssa.Instruction) bool {
	op, ok := instr.(*ssa.BinOp)
	return ok && slices.ContainsFunc(*op.Referrers(), func(ref ssa.Instruction) bool {
		branch, ok := ref.(*ssa.If)
		return ok && !flow.InLoop(branch.Block())
	})
}

// leavesToCallers reports whether a function that only the package can call returns the value that t follows: what is done with it is up to those that call it.
func leavesToCallers(t *flow.Track) bool {
	if t.Fn.Object() != nil && t.Fn.Object().Exported() {
		return false
	}
	for _, b := range t.Fn.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if ok && slices.ContainsFunc(ret.Results, func(r ssa.Value) bool {
			c := t.Class(r)
			return c == flow.Same || c == flow.Derived
		}) {
			return true
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
		if isAllocator(v) && slices.ContainsFunc(v.Call.Args, varies) {
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

// varies reports whether an argument is a size that is not constant: a number, or what is made of numbers, as a rectangle is. A reader is none.
func varies(arg ssa.Value) bool {
	var sizes func(t types.Type) bool
	sizes = func(t types.Type) bool {
		switch u := t.Underlying().(type) {
		case *types.Basic:
			return u.Info()&types.IsInteger != 0
		case *types.Struct:
			for f := range u.Fields() {
				if !sizes(f.Type()) {
					return false
				}
			}
			return true
		}
		return false
	}
	if _, ok := arg.(*ssa.Const); ok || !sizes(arg.Type()) {
		return false
	}
	switch arg := arg.(type) {
	case *ssa.Call:
		return !isAllocator(arg) || slices.ContainsFunc(arg.Call.Args, varies)
	case *ssa.UnOp: // a struct of constants
		_, ok := arg.X.(*ssa.Alloc)
		return !ok
	}
	return true
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
