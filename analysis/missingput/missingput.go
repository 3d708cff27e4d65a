package missingput

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports values that some path neither puts back nor hands on.
var Analyzer = newAnalyzer()

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:     "missingput",
		Doc:      "report values from a pool that some path neither puts back nor hands on",
		URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#missingput",
		Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	}
	panics := a.Flags.Bool("panics", false, "also report values that an explicit panic loses")
	a.Run = func(pass *analysis.Pass) (any, error) {
		m := poolmodel.Of(pass)
		for _, fn := range m.Funcs {
			for _, acq := range m.Acquisitions(fn) {
				check(pass, m, fn, acq, *panics)
			}
		}
		return nil, nil
	}
	return a
}

// lost is a path's end at which nobody has the value any more.
type lost struct {
	pos    token.Pos
	step   *flow.Step
	panics bool
	failed bool // because a call failed
}

// fate is what the paths from an acquisition do with the value.
type fate struct {
	first      *lost // the first in source order of the ends that lose it
	put, given bool  // some path puts it back, some path hands it on

	back map[ssa.Instruction]bool // calls through an interface or a function value that were given it, and after which it is put back
}

func check(pass *analysis.Pass, m *poolmodel.Model, fn *ssa.Function, acq poolmodel.Acquisition, panics bool) {
	t := m.Track(fn, acq)
	f, ok := follow(m, t, panics, nil)
	if ok && f.first == nil && len(f.back) > 0 { // Calls that may keep the value do not, since it is put back after them.
		f, ok = follow(m, t, panics, f.back)
		if f.first != nil && !f.first.failed {
			return
		}
	}
	if !ok || f.first == nil || acq.Wrapper && !f.put && (f.given || acq.Pool == "") {
		return
	}
	never := !f.put && !f.given
	where := "when the function returns"
	if f.first.panics {
		where = "when the function panics"
	}
	msg := fmt.Sprintf("%s is not put back %s at line %d%s: the pool loses it",
		m.Got(acq), where, m.Line(f.first.pos), m.Why(f.first.step))
	if never {
		msg = fmt.Sprintf("%s is never put back: the pool loses it on every call", m.Got(acq))
	}
	d := analysis.Diagnostic{
		Pos: acq.Call.Pos(), Message: msg,
		Related: []analysis.RelatedInformation{{Pos: f.first.pos, Message: "lost here"}},
	}
	if never {
		d.SuggestedFixes = deferPut(pass, m, acq)
	}
	m.Report(pass, d)
}

// What is known of the value on a path.
const flagLent flow.Flags = 1 // the call at the state's Mark was given it, and may keep it

// follow walks the paths from an acquisition. The calls of lends are known not to keep the value. It returns false when there
// were too many paths.
func follow(m *poolmodel.Model, t *flow.Track, panics bool, lends map[ssa.Instruction]bool) (fate, bool) {
	f := fate{back: map[ssa.Instruction]bool{}}
	ok := t.Walk(func(s *flow.State, step *flow.Step, instr ssa.Instruction) bool {
		switch e := m.Event(t, s, instr); e.Kind {
		case poolmodel.Put, poolmodel.DeferPut:
			if s.Flags&flagLent != 0 {
				f.back[s.Mark] = true
			}
			f.put = true
			return false
		case poolmodel.Keep:
			switch {
			case lends[instr]:
				return true
			case s.Flags&flagLent == 0 && lends == nil && !e.Direct && lendsTo(instr):
				s.Flags |= flagLent
				s.Mark = instr
				return true
			}
			f.given = true
			return false
		case poolmodel.Return:
			f.given = true
			return false
		}
		if branch, ok := instr.(*ssa.If); ok && poolmodel.AsksAbout(t, branch) {
			if s.Flags&flagLent != 0 {
				f.back[s.Mark] = true
			}
			f.given = true // what becomes of it is up to its state, or it is dropped for its size
			return false
		}
		end := &lost{pos: instr.Pos(), step: step, failed: onError(step)}
		switch instr.(type) {
		case *ssa.Return:
		case *ssa.Panic:
			if !panics {
				return true
			}
			end.panics = true
		default:
			return true
		}
		if s.Flags&flagLent != 0 {
			f.given = true
			return false
		}
		if !end.pos.IsValid() {
			end.pos = closingBrace(t.Fn)
		}
		if f.first == nil || end.pos < f.first.pos {
			f.first = end
		}
		return true
	})
	return f, ok
}

// lendsTo reports whether instr calls an interface's method or a function value that can fail: the callee is not known, but for
// most it is usual to use what it is given until it returns.
func lendsTo(instr ssa.Instruction) bool {
	call, ok := instr.(*ssa.Call)
	if !ok || !call.Call.IsInvoke() && call.Call.StaticCallee() != nil {
		return false
	}
	results := call.Call.Signature().Results()
	return results.Len() > 0 && flow.IsError(results.At(results.Len()-1).Type())
}

// onError reports whether the last decision on the way to step was that an error is not nil.
func onError(step *flow.Step) bool {
	branch, taken := step.Decision()
	if branch == nil {
		return false
	}
	cmp, ok := branch.Cond.(*ssa.BinOp)
	return ok && flow.IsError(cmp.X.Type()) && (cmp.Op == token.NEQ) == taken
}

// closingBrace is where a function returns that has no return statement at its end.
func closingBrace(fn *ssa.Function) token.Pos {
	if syntax := fn.Syntax(); syntax != nil {
		return syntax.End() - 1
	}
	return fn.Pos()
}
