package putshape

import (
	"fmt"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkBound reports pools of buffers that grow of which no Put looks at the size.
func checkBound(pass *analysis.Pass, m *poolmodel.Model, puts []poolmodel.PutSite) {
	if fillsLook(m) {
		return
	}
	bounded := map[string]bool{}
	first := map[string]poolmodel.PutSite{}
	var order []string
	for _, put := range puts {
		if put.Pool == "" || put.Name != "sync.Pool.Put" {
			continue
		}
		if !grows(put) || looksAtSize(put.Fn) || callersLook(m, put.Fn) {
			bounded[put.Pool] = true
			continue
		}
		if _, ok := first[put.Pool]; !ok {
			first[put.Pool] = put
			order = append(order, put.Pool)
		}
	}
	for _, pool := range order {
		if bounded[pool] {
			continue
		}
		put := first[pool]
		m.Report(pass, analysis.Diagnostic{Category: "unbounded", Pos: put.Instr.Pos(), Message: fmt.Sprintf(
			"%s takes buffers of any size: the largest ever put back stays in %s; look at Cap before",
			m.CallText(put.Instr), poolmodel.ShortPool(pool))})
	}
}

// fillsLook reports whether a function of the package that is given a bytes.Buffer, and is no wrapper of Put, looks at its
// size: it bounds what it writes.
func fillsLook(m *poolmodel.Model) bool {
	for _, fn := range m.Funcs {
		for i, p := range fn.Params {
			if p.Type().String() == "*bytes.Buffer" && m.Param(fn, i).Put == poolmodel.Never && looksAtSize(fn) {
				return true
			}
		}
	}
	return false
}

// grows reports whether what is put back is a buffer that has no bound of its own: a bytes.Buffer, or a slice that the
// function has appended to.
func grows(put poolmodel.PutSite) bool {
	p, ok := put.Value.Type().Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	if p.Elem().String() == "bytes.Buffer" {
		return true
	}
	if s, ok := p.Elem().Underlying().(*types.Slice); !ok || !types.Identical(s.Elem(), types.Typ[types.Byte]) {
		return false
	}
	return appendsTo(put.Value)
}

// appendsTo reports whether the slice that a pointer points to is given a value that append has made.
func appendsTo(pointer ssa.Value) bool {
	if pointer.Referrers() == nil {
		return false
	}
	for _, ref := range *pointer.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == pointer && fromAppend(store.Val, 0) {
			return true
		}
	}
	return false
}

func fromAppend(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	depth++
	switch v := v.(type) {
	case *ssa.Slice:
		return fromAppend(v.X, depth)
	case *ssa.Phi:
		for _, e := range v.Edges {
			if fromAppend(e, depth) {
				return true
			}
		}
	case *ssa.Call:
		b, ok := v.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "append"
	}
	return false
}

// looksAtSize reports whether fn, or the function that it is a literal of, compares a size with something.
func looksAtSize(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if cmp, ok := instr.(*ssa.BinOp); ok && isComparison(cmp.Op) && (isSize(cmp.X, 0) || isSize(cmp.Y, 0)) {
				return true
			}
		}
	}
	return fn.Parent() != nil && looksAtSize(fn.Parent())
}

// guarded reports whether instr runs only on one side of a comparison of sizes.
func guarded(instr ssa.Instruction) bool {
	for b := instr.Block().Idom(); b != nil; b = b.Idom() {
		branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		cmp, ok := branch.Cond.(*ssa.BinOp)
		if !ok || !isComparison(cmp.Op) || !isSize(cmp.X, 0) && !isSize(cmp.Y, 0) {
			continue
		}
		for _, side := range b.Succs {
			if len(side.Preds) == 1 && side.Dominates(instr.Block()) {
				return true
			}
		}
	}
	return false
}

func isComparison(op token.Token) bool {
	switch op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ:
		return true
	}
	return false
}

// isSize reports whether v is computed from a len, a cap, or a method named Len, Cap, Size, Bounds, Dx or Dy, of a buffer or
// image.
func isSize(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	if call, ok := v.(*ssa.Call); ok {
		return sizeCall(&call.Call)
	}
	if field, ok := v.(*ssa.FieldAddr); ok {
		name := field.X.Type().String()
		return name == "*image.RGBA" || name == "*image.NRGBA" || name == "*image.Gray" || name == "*image.YCbCr"
	}
	instr, ok := v.(ssa.Instruction)
	if _, phi := v.(*ssa.Phi); !ok || phi {
		return false
	}
	for _, op := range instr.Operands(nil) {
		if *op != nil && isSize(*op, depth+1) {
			return true
		}
	}
	return false
}

func sizeCall(call *ssa.CallCommon) bool {
	name := ""
	switch {
	case call.IsInvoke():
		name = call.Method.Name()
	case call.StaticCallee() != nil:
		name = call.StaticCallee().Name()
	default:
		if b, ok := call.Value.(*ssa.Builtin); ok {
			name = b.Name()
		}
	}
	switch name {
	case "len", "cap", "Len", "Cap", "Size", "Bounds", "Dx", "Dy":
		return true
	}
	return false
}

// callersLook reports whether fn is a wrapper that the package calls only where a size was looked at.
func callersLook(m *poolmodel.Model, fn *ssa.Function) bool {
	calls := 0
	for _, caller := range m.Funcs {
		for _, b := range caller.Blocks {
			for _, instr := range b.Instrs {
				call, ok := instr.(ssa.CallInstruction)
				if !ok || call.Common().StaticCallee() != fn {
					continue
				}
				if !looksAtSize(caller) {
					return false
				}
				calls++
			}
		}
	}
	return calls > 0
}
