package poolmodel

import (
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// PutOnError reports whether a call puts back its operand arg whenever it returns an error, and only then. The function is one of the package, whose
// last result is the error.
func (m *Model) PutOnError(call *ssa.CallCommon, arg int) bool {
	fn := call.StaticCallee()
	if fn == nil {
		return false
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	results := fn.Signature.Results()
	if !m.here[fn] || arg >= len(fn.Params) || results.Len() == 0 || !flow.IsError(results.At(results.Len()-1).Type()) {
		return false
	}
	if m.param(fn, arg).Put != Some {
		return false
	}
	const put flow.Flags = 1
	onError, onlyThen := false, true
	t := m.TrackParam(fn, arg)
	whole := t.Walk(func(s *flow.State, step *flow.Step, instr ssa.Instruction) bool {
		switch e := m.Event(t, s, instr); {
		case e.Kind == Put && e.Level == Always:
			s.Flags |= put
		case e.Kind == Put || e.Kind == DeferPut:
			onlyThen = false
		}
		ret, ok := instr.(*ssa.Return)
		if !ok {
			return true
		}
		failed, known := fails(ret.Results[results.Len()-1], step)
		onlyThen = onlyThen && known && failed == (s.Flags&put != 0)
		onError = onError || failed
		return true
	})
	return whole && onError && onlyThen
}

// fails reports whether an error that a path returns is one, and whether that is known: it is the constant nil, a package's variable, made there, or
// was compared with nil on the path.
func fails(err ssa.Value, step *flow.Step) (failed, known bool) {
	switch err := err.(type) {
	case *ssa.Const:
		return false, err.IsNil()
	case *ssa.MakeInterface:
		return true, true
	case *ssa.UnOp:
		_, global := err.X.(*ssa.Global)
		return true, global && err.Op == token.MUL
	case *ssa.Call:
		if callee := calleeOf(&err.Call); callee != nil {
			switch apiKey(callee) {
			case "errors.New", "fmt.Errorf", "github.com/pkg/errors.New", "github.com/pkg/errors.Errorf":
				return true, true
			}
		}
	}
	for ; step != nil; step = step.Prev {
		if step.Branch == nil {
			continue
		}
		if is, ok := ErrorOf(step.Branch, err); ok {
			return step.Taken == is, true
		}
	}
	return false, false
}

// ReturnsError reports whether a return returns an error for sure, as its last result, on the path by step: nobody looks at the others then.
func ReturnsError(ret *ssa.Return, step *flow.Step) bool {
	n := len(ret.Results)
	if n < 2 || !flow.IsError(ret.Results[n-1].Type()) {
		return false
	}
	failed, known := fails(ret.Results[n-1], step)
	return failed && known
}

// ErrorOf reports whether a branch asks if err is nil, and whether its condition is true where err is an error.
func ErrorOf(branch *ssa.If, err ssa.Value) (whenTrue, ok bool) {
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok || cmp.Op != token.EQL && cmp.Op != token.NEQ {
		return false, false
	}
	if cmp.X != err || !flow.IsNil(cmp.Y) {
		return false, false
	}
	return cmp.Op == token.NEQ, true
}
