package bypass

import (
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports calls of a sync.Pool's New.
var Analyzer = &analysis.Analyzer{
	Name:     "bypass",
	Doc:      "report values that a pool's New makes although the pool was not asked for one",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#bypass",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	for _, fn := range m.Funcs {
		if gets(m, fn) {
			continue
		}
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if call, ok := instr.(*ssa.Call); ok && isNew(call) && !fills(m, call) {
					m.Report(pass, analysis.Diagnostic{
						Pos:     call.Pos(),
						Message: m.CallText(call) + " makes a new value although the pool may have one: call Get, which calls New where it has none",
					})
				}
			}
		}
	}
	return nil, nil
}

// gets reports whether fn, or a function that it is a literal of, calls a sync.Pool's Get.
func gets(m *poolmodel.Model, fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(*ssa.Call); ok && m.IsAPI(&call.Call, "sync.Pool.Get") {
				return true
			}
		}
	}
	return fn.Parent() != nil && gets(m, fn.Parent())
}

// isNew reports whether a call is of the function in the field New of a sync.Pool.
func isNew(call *ssa.Call) bool {
	load, ok := call.Call.Value.(*ssa.UnOp)
	if !ok {
		return false
	}
	field, ok := load.X.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	p, ok := field.X.Type().Underlying().(*types.Pointer)
	if !ok || p.Elem().String() != "sync.Pool" {
		return false
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	return ok && st.Field(field.Field).Name() == "New"
}

// fills reports whether all that is done with what a call makes is to put it into a pool.
func fills(m *poolmodel.Model, call *ssa.Call) bool {
	for _, ref := range *call.Referrers() {
		if put, ok := ref.(ssa.CallInstruction); !ok || !m.IsAPI(put.Common(), "sync.Pool.Put") {
			return false
		}
	}
	return len(*call.Referrers()) > 0
}
