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

	// A call was given the value that could not put it back, since nobody else can, and it did not fail. Where other paths put the value back, it
	// may have been given for good.
	excused bool

	unrelated bool // because of something that no call that was given the value has returned
}

// fate is what the paths from an acquisition do with the value.
type fate struct {
	first      *lost // the first in source order of the ends that lose it
	put, given bool  // some path puts it back, some path hands it on

	back map[ssa.Instruction]bool // calls that were given it, may keep it for all that is known, and after which it is put back
}

func check(pass *analysis.Pass, m *poolmodel.Model, fn *ssa.Function, acq poolmodel.Acquisition, panics bool) {
	t := m.Track(fn, acq)
	f, ok := follow(m, t, acq, panics, nil)
	if ok && f.first == nil && len(f.back) > 0 { // Calls that may keep the value do not, since it is put back after them.
		f, ok = follow(m, t, acq, panics, f.back)
		if f.first != nil && !f.first.failed && !f.first.unrelated {
			return
		}
	}
	if ok && f.loses(acq) {
		report(pass, m, acq, f)
		return
	}
	if closed, put := m.Closed(acq.Pool); closed && !put && !acq.Wrapper {
		m.Report(pass, analysis.Diagnostic{Pos: acq.Call.Pos(), Message: fmt.Sprintf(
			"%s is never put back: nothing in this package puts a value into %s", m.Got(acq), poolmodel.ShortPool(acq.Pool))})
	}
}

// loses reports whether a path loses the value, for all that is known.
func (f fate) loses(acq poolmodel.Acquisition) bool {
	if f.first == nil || acq.Wrapper && !f.put && (f.given || acq.Pool == "") {
		return false
	}
	return !f.put || !f.first.excused
}

func report(pass *analysis.Pass, m *poolmodel.Model, acq poolmodel.Acquisition, f fate) {
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

// maxLent bounds the calls that a path remembers to have been given the value. They are the bits of a state's flags.
const maxLent = 24

// flagUsed says that a call was given the value that could not put it back.
const flagUsed flow.Flags = 1 << maxLent

// lending are the calls of a function that were given the value, and that may keep it for all that is known of them.
type lending struct {
	bits  map[ssa.Instruction]flow.Flags
	calls []ssa.Instruction
}

// bit returns the flag of a call, 0 when there are too many.
func (l *lending) bit(call ssa.Instruction) flow.Flags {
	if b, ok := l.bits[call]; ok {
		return b
	}
	if len(l.calls) == maxLent {
		return 0
	}
	b := flow.Flags(1) << len(l.calls)
	l.bits[call] = b
	l.calls = append(l.calls, call)
	return b
}

// follow walks the paths from an acquisition. The calls of lends are known not to keep the value. It returns false when there
// were too many paths.
func follow(m *poolmodel.Model, t *flow.Track, acq poolmodel.Acquisition, panics bool, lends map[ssa.Instruction]bool) (fate, bool) {
	f := fate{back: map[ssa.Instruction]bool{}}
	lent := lending{bits: map[ssa.Instruction]flow.Flags{}}
	closed, _ := m.Closed(acq.Pool)
	goesBack := func(s *flow.State) {
		for i, call := range lent.calls {
			if s.Flags&(1<<i) != 0 {
				f.back[call] = true
			}
		}
	}
	ok := t.Walk(func(s *flow.State, step *flow.Step, instr ssa.Instruction) bool {
		switch e := m.Event(t, s, instr); e.Kind {
		case poolmodel.Put, poolmodel.DeferPut:
			goesBack(s)
			f.put = true
			return false
		case poolmodel.Keep:
			call, isCall := instr.(*ssa.Call)
			switch {
			case lends[instr]:
				return true
			case closed && (e.Class == flow.Inner || isCall && !e.Stored && !poolmodel.Keeps(&call.Call)):
				s.Flags |= flagUsed
				return true
			case isCall && !e.Stored && !acq.Wrapper && m.OnlyUses(&call.Call, acq.Pool):
				return true
			case isCall && !e.Stored && lends == nil:
				if bit := lent.bit(instr); bit != 0 {
					s.Flags |= bit
					return true
				}
			}
			f.given = true
			return false
		case poolmodel.Return:
			if closed && e.Class == flow.Inner {
				break // what the value refers to: it is not kept with that
			}
			f.given = true
			return false
		}
		if branch, ok := instr.(*ssa.If); ok && poolmodel.AsksAbout(t, branch) {
			goesBack(s)
			f.given = true // what becomes of it is up to its state, or it is dropped for its size
			return false
		}
		if branch, ok := instr.(*ssa.If); ok && asksSibling(branch, acq) {
			f.given = true // another result says whether it came out of a pool
			return false
		}
		end := &lost{pos: instr.Pos(), step: step, failed: onError(step), unrelated: unrelated(step, lends)}
		switch instr.(type) {
		case *ssa.Return:
			if poolmodel.EndsWith(acq.Pool, t.Fn) {
				f.given = true
				return false
			}
		case *ssa.Panic:
			if !panics {
				return true
			}
			end.panics = true
		default:
			return true
		}
		if s.Flags&^flagUsed != 0 {
			f.given = true
			return false
		}
		end.excused = s.Flags&flagUsed != 0 && !end.failed
		if !end.pos.IsValid() {
			end.pos = closingBrace(t.Fn)
		}
		if f.first == nil || f.first.excused && !end.excused || f.first.excused == end.excused && end.pos < f.first.pos {
			f.first = end
		}
		return true
	})
	return f, ok
}

// asksSibling reports whether a branch compares another result of the acquisition with nil, one that is no error.
func asksSibling(branch *ssa.If, acq poolmodel.Acquisition) bool {
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok {
		return false
	}
	for _, pair := range [][2]ssa.Value{{cmp.X, cmp.Y}, {cmp.Y, cmp.X}} {
		ex, ok := pair[0].(*ssa.Extract)
		c, isConst := pair[1].(*ssa.Const)
		if ok && isConst && c.IsNil() && ex.Tuple == acq.Call && ex.Index != acq.Result && !flow.IsError(ex.Type()) {
			return true
		}
	}
	return false
}

// onError reports whether the last decision on the way to step was that an error is not nil, or that a call returned false.
func onError(step *flow.Step) bool {
	branch, taken := step.Decision()
	if branch == nil {
		return false
	}
	cond := branch.Cond
	for {
		not, ok := cond.(*ssa.UnOp)
		if !ok || not.Op != token.NOT {
			break
		}
		cond, taken = not.X, !taken
	}
	switch cond := cond.(type) {
	case *ssa.BinOp:
		return flow.IsError(cond.X.Type()) && (cond.Op == token.NEQ) == taken
	case *ssa.Call:
		return !taken
	}
	return false
}

// unrelated reports whether the last decision on the way to step has nothing to do with what the calls have returned.
func unrelated(step *flow.Step, calls map[ssa.Instruction]bool) bool {
	branch, _ := step.Decision()
	return branch != nil && !comesFrom(branch.Cond, calls, map[ssa.Value]bool{})
}

// comesFrom reports whether v is computed from what one of the calls returned.
func comesFrom(v ssa.Value, calls map[ssa.Instruction]bool, seen map[ssa.Value]bool) bool {
	instr, ok := v.(ssa.Instruction)
	if !ok || seen[v] {
		return false
	}
	seen[v] = true
	if calls[instr] {
		return true
	}
	for _, op := range instr.Operands(nil) {
		if *op != nil && comesFrom(*op, calls, seen) {
			return true
		}
	}
	return false
}

// closingBrace is where a function returns that has no return statement at its end.
func closingBrace(fn *ssa.Function) token.Pos {
	if syntax := fn.Syntax(); syntax != nil {
		return syntax.End() - 1
	}
	return fn.Pos()
}
