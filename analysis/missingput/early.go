package missingput

import (
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// earlyDefers reports defers that put back what a variable has when the defer is reached, and that is nothing: what it is given later is lost.
func earlyDefers(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		for o := range flow.AllOperands(fn) {
			d, ok := o.Call.(*ssa.Defer)
			if ok && isNothing(o.Value) && m.GivesBack(&d.Call, o.Index) {
				m.Report(pass, analysis.Diagnostic{Category: "early-defer", Pos: d.Pos(), Message: "this defer puts back nothing, since its variable is nil when the defer is reached: " +
					"what the variable is given later is lost"})
			}
		}
	}
}

// isNothing reports whether v is a nil pointer or slice, perhaps in an interface.
func isNothing(v ssa.Value) bool {
	if box, ok := v.(*ssa.MakeInterface); ok {
		v = box.X
	}
	return flow.IsNil(v) && !types.Identical(v.Type(), types.Typ[types.UntypedNil])
}
