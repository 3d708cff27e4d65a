package putshape

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// checkGiven reports slices that an exported function is given, and makes a buffer of gRPC of that goes into a pool when it is freed: whoever gave them still has
// them.
func checkGiven(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		if fn.Object() == nil || !fn.Object().Exported() {
			continue
		}
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				call, ok := instr.(*ssa.Call)
				if !ok {
					continue
				}
				callee := call.Call.StaticCallee()
				if callee == nil || callee.String() != poolmodel.GRPCBuffer || flow.IsNil(call.Call.Args[1]) {
					continue
				}
				if cell, ok := call.Call.Args[0].(*ssa.Alloc); ok && holdsGiven(cell) {
					m.Report(pass, analysis.Diagnostic{Category: "caller-owns", Pos: call.Pos(),
						Message: m.CallText(call) + " puts what " + fn.Name() + " was given into a pool when the buffer is freed, and its user still has it: use mem.SliceBuffer"})
				}
			}
		}
	}
}

// holdsGiven reports whether all that is stored in a variable is a parameter, or what that is asserted to be.
func holdsGiven(cell *ssa.Alloc) bool {
	given := false
	for _, ref := range *cell.Referrers() {
		store, ok := ref.(*ssa.Store)
		if !ok || store.Addr != cell {
			continue
		}
		v := store.Val
		if ex, ok := v.(*ssa.Extract); ok {
			v = ex.Tuple
		}
		if assert, ok := v.(*ssa.TypeAssert); ok {
			v = assert.X
		}
		if _, given = v.(*ssa.Parameter); !given {
			return false
		}
	}
	return given
}
