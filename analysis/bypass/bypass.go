package bypass

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports calls of a sync.Pool's New, and values that are got and put back but not used.
var Analyzer = &analysis.Analyzer{
	Name:     "bypass",
	Doc:      "report values that a pool's New makes although the pool was not asked for one, and values that are got for nothing",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#bypass",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if prepared(m, acq) {
				m.Report(pass, analysis.Diagnostic{
					Category: "unused",
					Pos:      acq.Call.Pos(),
					Message:  m.Got(acq) + " is reset and put back, and used for nothing: something else does its work",
				})
			}
		}
		if gets(m, fn) {
			continue
		}
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if call, ok := instr.(*ssa.Call); ok && isNew(call) && !fills(m, call) {
					m.Report(pass, analysis.Diagnostic{
						Category: "new-called",
						Pos:      call.Pos(),
						Message:  m.CallText(call) + " makes a new value although the pool may have one: call Get, which calls New where it has none",
					})
				}
			}
		}
	}
	return nil, nil
}

// prepared reports whether all that is done with what was got is to reset it, for some use, and to put it back.
func prepared(m *poolmodel.Model, acq poolmodel.Acquisition) bool {
	reset, put := false, false
	var unused func(v ssa.Value) bool
	unused = func(v ssa.Value) bool {
		for _, ref := range *v.Referrers() {
			switch ref := ref.(type) {
			case *ssa.DebugRef:
			case *ssa.TypeAssert, *ssa.MakeInterface, *ssa.ChangeInterface, *ssa.ChangeType:
				if !unused(ref.(ssa.Value)) {
					return false
				}
			case ssa.CallInstruction:
				operands := flow.Operands(ref.Common())
				arg := slices.Index(operands, v)
				switch {
				case arg < 0:
					return false
				case m.PutLevel(ref.Common(), arg) != poolmodel.Never:
					put = true
				case arg == 0 && len(operands) > 1 && poolmodel.CalleeName(ref.Common()) == "Reset":
					reset = true
				default:
					return false
				}
			default:
				return false
			}
		}
		return true
	}
	return acq.Value != nil && unused(acq.Value) && reset && put
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
