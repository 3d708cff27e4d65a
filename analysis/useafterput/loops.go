package useafterput

import (
	"fmt"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// loops reports Puts of the address of a variable that a loop shares among its turns: before Go 1.22 the variables of its own head, too. The
// pool has one pointer as often as the loop turns.
func loops(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		for o := range flow.AllOperands(fn) {
			if m.PutLevel(o.Call.Common(), o.Index) != poolmodel.Always {
				continue
			}
			if v := sharedVariable(o.Call, o.Value); v != nil {
				m.Report(pass, analysis.Diagnostic{Category: "loop-twice", Pos: o.Call.Pos(), Message: fmt.Sprintf(
					"each turn of the loop puts back the same pointer, &%s: the pool lends it to as many at once", v.Comment)})
			}
		}
	}
}

// sharedVariable returns the variable of which a Put in a loop has the address, where the loop comes around without making it anew; nil for
// none.
func sharedVariable(put ssa.Instruction, x ssa.Value) *ssa.Alloc {
	if box, ok := x.(*ssa.MakeInterface); ok {
		x = box.X
	}
	v, ok := x.(*ssa.Alloc)
	if !ok || v.Block() == put.Block() || !storedInLoop(v, put.Block()) || !reaches(put.Block(), put.Block(), v.Block()) {
		return nil
	}
	return v
}

// storedInLoop reports whether a loop that b is in gives a variable another value each time.
func storedInLoop(v *ssa.Alloc, b *ssa.BasicBlock) bool {
	for _, ref := range *v.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == v && reaches(b, store.Block(), nil) && (store.Block() == b || reaches(store.Block(), b, nil)) {
			return true
		}
	}
	return false
}

// reaches reports whether a path of at least one step leads from one block to another, but not by way of a third.
func reaches(from, to, without *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	todo := append([]*ssa.BasicBlock(nil), from.Succs...)
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b == without || seen[b] {
			continue
		}
		if b == to {
			return true
		}
		seen[b] = true
		todo = append(todo, b.Succs...)
	}
	return false
}
