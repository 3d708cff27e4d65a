package useafterput

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports uses of values that were put back, and second Puts.
var Analyzer = &analysis.Analyzer{
	Name:     "useafterput",
	Doc:      "report uses of a pooled value, or of memory inside it, after it was put back",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#useafterput",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

// What is known of the value on a path.
const (
	flagPut      flow.Flags = 1 << iota // it was put back, at the state's Mark
	flagMaybe                           // it was put back on some paths of the call at Mark, and no branch was taken since
	flagDeferred                        // it goes back when the function returns, by the defer at Mark
	flagLater                           // it is used when the function returns, by the defer at Mark
	flagFailed                          // it was put back if the call at Mark returned an error
	flagMayDefer                        // it may go back when the function returns, by the defer at Mark: itself, and not its variable, says whether
)

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	for _, fn := range m.Funcs {
		c := checker{pass: pass, m: m, fn: fn, reported: map[token.Pos]bool{}, onError: map[*ssa.Call]bool{}}
		for _, acq := range m.Acquisitions(fn) {
			c.check(m.TrackMemory(fn, acq))
		}
		for i := range len(fn.Params) + len(fn.FreeVars) {
			if m.Param(fn, i).Put != poolmodel.Never {
				c.check(m.TrackParamMemory(fn, i))
			}
		}
		for _, v := range m.OtherPuts(fn) {
			c.check(m.TrackValue(fn, v))
		}
		for _, f := range m.FieldPuts(fn) {
			c.of = f.X
			c.check(m.TrackField(fn, f))
			c.of = nil
		}
	}
	closes(pass, m)
	loops(pass, m)
	releases(pass, m)
	bodies(pass, m)
	stale(pass, m)
	return nil, nil
}

type checker struct {
	pass     *analysis.Pass
	m        *poolmodel.Model
	fn       *ssa.Function
	of       ssa.Value // the parameter whose field is followed, nil for none
	reported map[token.Pos]bool
	onError  map[*ssa.Call]bool // calls that were asked whether they put back a value whenever they fail, and only then
}

type finding struct {
	pos  token.Pos
	kind string
	msg  string
	put  token.Pos
}

// check follows one value and reports the first use after each Put.
func (c *checker) check(t *flow.Track) {
	t.Exact = true
	found := map[token.Pos]finding{} // by the Put
	ok := t.Walk(func(s *flow.State, step *flow.Step, instr ssa.Instruction) bool {
		if s.Flags&flagFailed != 0 && step.Branch != nil {
			settle(s, step)
		}
		if ret, ok := instr.(*ssa.Return); ok && s.Flags&flagPut != 0 && poolmodel.ReturnsError(ret, step) {
			return false
		}
		f, more := c.visit(t, s, instr)
		if f.pos.IsValid() {
			if old, ok := found[f.put]; !ok || f.pos < old.pos {
				found[f.put] = f
			}
		}
		return more
	})
	if !ok {
		found = c.inBlocks(t)
	}
	for _, f := range found {
		if c.reported[f.pos] {
			continue
		}
		c.reported[f.pos] = true
		c.m.Report(c.pass, analysis.Diagnostic{
			Category: f.kind, Pos: f.pos, Message: f.msg,
			Related: []analysis.RelatedInformation{{Pos: f.put, Message: "put back here"}},
		})
	}
}

// inBlocks is what there is to find in a function that has too many paths: what comes after a Put in the same block, of the same value.
func (c *checker) inBlocks(t *flow.Track) map[token.Pos]finding {
	found := map[token.Pos]finding{}
	for _, b := range t.Fn.Blocks {
		var s *flow.State // nil before a Put
		var put ssa.Value
		for _, instr := range b.Instrs {
			if s == nil {
				if put = c.putBack(t, instr); put != nil {
					s = t.Everywhere()
					s.Flags, s.Mark = flagPut, instr
				}
				continue
			}
			if e := c.m.Event(t, t.Everywhere(), instr); e.Kind != poolmodel.Nothing && e.Kind != poolmodel.Hold && uses(instr, put) {
				if f, _ := c.after(t, s, instr, e); f.pos.IsValid() {
					found[f.put] = f
				}
				break
			}
		}
	}
	return found
}

// putBack returns the value that an instruction puts back for sure, and that is the root of t and no variable, nil for none.
func (c *checker) putBack(t *flow.Track, instr ssa.Instruction) ssa.Value {
	call, ok := instr.(*ssa.Call)
	if !ok {
		return nil
	}
	for arg, x := range flow.Operands(&call.Call) {
		if c.m.PutLevel(&call.Call, arg) == poolmodel.Always && t.Class(x) == flow.Same && !t.Cell(x) {
			if box, ok := x.(*ssa.MakeInterface); ok {
				return box.X
			}
			return x
		}
	}
	return nil
}

// uses reports whether an instruction works on v, out of its interface, or on a field of it.
func uses(instr ssa.Instruction, v ssa.Value) bool {
	return slices.ContainsFunc(instr.Operands(nil), func(op *ssa.Value) bool {
		switch x := (*op).(type) {
		case *ssa.MakeInterface:
			return x.X == v
		case *ssa.FieldAddr:
			return x.X == v
		}
		return *op != nil && *op == v
	})
}

// visit goes on from one instruction of a path. It returns false when the path needs no further look.
func (c *checker) visit(t *flow.Track, s *flow.State, instr ssa.Instruction) (finding, bool) {
	if _, ok := instr.(*ssa.If); ok {
		s.Flags &^= flagMaybe
	}
	if c.of != nil && s.Flags != 0 && mentions(instr, c.of) { // the field may be another's from here on
		return finding{}, false
	}
	if _, ok := instr.(*ssa.RunDefers); ok && s.Flags&(flagPut|flagDeferred) != 0 {
		if late := c.m.LateUse(t, s); late != nil {
			return finding{pos: late.Pos(), kind: "used", put: s.Mark.Pos(), msg: fmt.Sprintf("this defer uses a value that was put back before, in line %d: by then it may be somebody else's",
				c.m.Line(s.Mark.Pos()))}, false
		}
	}
	if store, ok := instr.(*ssa.Store); ok && c.of != nil && s.Flags&flagPut != 0 && t.Cell(store.Addr) && t.Live(s, store.Val) != flow.None {
		return c.say(s, instr, c.kind(t, s, instr, "used", "used-by-call"), "a value put back in line %d stays in the field: by now it may be somebody else's", c.m.Line(s.Mark.Pos())), false
	}
	e := c.m.Event(t, s, instr)
	switch {
	case s.Flags&flagDeferred != 0 && e.Class != flow.Same && c.m.ReturnsReader(t, s, instr):
		return c.say(s, instr, "made-returned", "%s returns what reads memory that goes back to the pool when the function returns (defer in line %d)",
			c.fn.Name(), c.m.Line(s.Mark.Pos())), false
	case s.Flags&(flagDeferred|flagPut) != 0 && (e.Kind == poolmodel.Nothing || e.Class > flow.Part) && c.m.ReturnsHolder(t, s, instr):
		how := "goes back to the pool when the function returns (defer"
		if s.Flags&flagPut != 0 {
			how = "was put back (Put"
		}
		return c.say(s, instr, "made-returned", "%s returns something that refers to memory that %s in line %d)", c.fn.Name(), how, c.m.Line(s.Mark.Pos())), false
	case e.Kind == poolmodel.Nothing:
		return finding{}, true
	case e.Kind == poolmodel.DeferUse:
		// What is deferred later runs earlier: before a Put that was deferred already.
		if e.Class <= flow.Derived && s.Flags&(flagPut|flagDeferred) == 0 {
			s.Flags |= flagLater
			s.Mark = instr
		}
		return finding{}, true
	case s.Flags&flagLater != 0 && (e.Kind == poolmodel.Put || e.Kind == poolmodel.DeferPut) && e.Level == poolmodel.Always:
		return finding{pos: s.Mark.Pos(), kind: "used", put: instr.Pos(), msg: fmt.Sprintf("this defer uses a value that was put back before, in line %d: by then it may be somebody else's",
			c.m.Line(instr.Pos()))}, false
	case e.Kind == poolmodel.Hold: // one more holder: the next Put does not end its life
		return finding{}, false
	case s.Flags&flagPut != 0 && e.Kind == poolmodel.Use && c.mayBeOther(t, s, instr):
		return finding{}, true
	case s.Flags&flagPut != 0:
		return c.after(t, s, instr, e)
	case e.Kind == poolmodel.Put && s.Flags&flagMayDefer != 0 && e.Level >= poolmodel.Some:
		return c.twice(s, instr)
	case e.Kind == poolmodel.Put && e.Level == poolmodel.Always:
		if s.Flags&(flagDeferred|flagMaybe) != 0 {
			return c.twice(s, instr)
		}
		s.Flags |= flagPut
		s.Mark = instr
	case e.Kind == poolmodel.Put && e.Level == poolmodel.Some:
		if s.Flags&flagDeferred != 0 {
			return c.twice(s, instr)
		}
		s.Flags |= flagMaybe
		if c.putOnError(t, s, instr) {
			s.Flags |= flagFailed
		}
		s.Mark = instr
	case e.Kind == poolmodel.DeferPut && e.Level == poolmodel.Always && s.Flags&flagDeferred != 0 && s.Mark != instr:
		return c.twice(s, instr)
	case e.Kind == poolmodel.DeferPut && e.Level == poolmodel.Always:
		s.Flags |= flagDeferred
		s.Mark = instr
	case e.Kind == poolmodel.DeferPut && s.Flags == 0 && c.putsSlice(t, s, instr):
		s.Flags |= flagMayDefer
		s.Mark = instr
	case e.Kind == poolmodel.Return && s.Flags&flagDeferred != 0 && e.Class <= flow.Part:
		return c.say(s, instr, c.kind(t, s, instr, "returned", "made-returned"), "%s returns memory that goes back to the pool when the function returns (defer in line %d)",
			c.fn.Name(), c.m.Line(s.Mark.Pos())), false
	}
	return finding{}, true
}

// mayBeOther reports whether what an instruction reads is in what a function has returned, which is what it was given on some paths and something else on
// others.
func (c *checker) mayBeOther(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	load, ok := instr.(*ssa.UnOp)
	if !ok {
		return false
	}
	f, ok := load.X.(*ssa.FieldAddr)
	return ok && c.m.MayBeNew(t, s, f.X)
}

// putsSlice reports whether a defer gives the root of t, a slice, to a function that puts it back on some paths: on the same as when it is called again
// with it, since a slice does not say that it was put back.
func (c *checker) putsSlice(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	call := instr.(*ssa.Defer).Common()
	for arg, x := range flow.Operands(call) {
		_, slice := x.Type().Underlying().(*types.Slice)
		if slice && t.Live(s, x) == flow.Same && c.m.PutLevel(call, arg) == poolmodel.Some {
			return true
		}
	}
	return false
}

// putOnError reports whether a call with the root of t puts that back whenever it returns an error, and only then.
func (c *checker) putOnError(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	call, ok := instr.(*ssa.Call)
	if !ok {
		return false
	}
	puts, asked := c.onError[call]
	if !asked {
		puts = slices.ContainsFunc(call.Call.Args, func(x ssa.Value) bool {
			return t.Live(s, x) == flow.Same && c.m.PutOnError(&call.Call, slices.Index(call.Call.Args, x))
		})
		c.onError[call] = puts
	}
	return puts
}

// settle notes what a branch on the error of the call at the state's Mark says: whether it has put back the value.
func settle(s *flow.State, step *flow.Step) {
	call, ok := s.Mark.(*ssa.Call)
	if !ok {
		return
	}
	errs := []ssa.Value{call}
	for _, ref := range *call.Referrers() {
		if ex, ok := ref.(*ssa.Extract); ok && flow.IsError(ex.Type()) {
			errs = append(errs, ex)
		}
	}
	for _, err := range errs {
		if whenTrue, ok := poolmodel.ErrorOf(step.Branch, err); ok {
			s.Flags &^= flagFailed
			if step.Taken == whenTrue {
				s.Flags |= flagPut
			}
			return
		}
	}
}

// mentions reports whether instr gives v to somebody, or changes all of it.
func mentions(instr ssa.Instruction, v ssa.Value) bool {
	switch instr.(type) {
	case *ssa.FieldAddr, *ssa.DebugRef, *ssa.Return:
		return false
	}
	return slices.ContainsFunc(instr.Operands(nil), func(op *ssa.Value) bool { return *op == v })
}

// after checks an instruction with a value that was put back.
func (c *checker) after(t *flow.Track, s *flow.State, instr ssa.Instruction, e poolmodel.Event) (finding, bool) {
	if e.Class > flow.Part || c.m.ReadsFixed(instr) {
		return finding{}, true
	}
	line := c.m.Line(s.Mark.Pos())
	kind := c.kind(t, s, instr, "used", "used-by-call")
	switch e.Kind {
	case poolmodel.Put, poolmodel.DeferPut:
		return c.twice(s, instr)
	case poolmodel.Return:
		return c.say(s, instr, kind, "%s returns memory that was put back in line %d: by now it may be somebody else's", c.fn.Name(), line), false
	case poolmodel.Keep:
		return c.say(s, instr, kind, "a value put back in line %d is given away here: by now it may be somebody else's", line), false
	}
	return c.say(s, instr, kind, "use of a value after it was put back in line %d: by now it may be somebody else's", line), false
}

// twice reports a Put of a value that the Put at the state's Mark puts back, too.
func (c *checker) twice(s *flow.State, instr ssa.Instruction) (finding, bool) {
	how, kind := "put back twice, first", "twice"
	switch {
	case s.Flags&flagPut != 0:
	case s.Flags&(flagDeferred|flagMayDefer) != 0:
		how = "put back here and again by the defer"
		if s.Flags&flagDeferred == 0 {
			kind = "maybe-twice"
		}
	case s.Flags&flagMaybe != 0:
		kind = "maybe-twice"
		how = "put back twice when " + c.m.CallText(s.Mark.(ssa.CallInstruction)) + " has done so"
	}
	return c.say(s, instr, kind, "a value is %s in line %d: the pool lends it to two at once", how, c.m.Line(s.Mark.Pos())), false
}

func (c *checker) say(s *flow.State, instr ssa.Instruction, kind, format string, args ...any) finding {
	return finding{pos: position(instr), kind: kind, msg: fmt.Sprintf(format, args...), put: s.Mark.Pos()}
}

// position returns where an instruction is in the source; for one that has no place of its own, that of an operand.
func position(instr ssa.Instruction) token.Pos {
	if instr.Pos().IsValid() {
		return instr.Pos()
	}
	for _, op := range instr.Operands(nil) {
		if *op != nil && (*op).Pos().IsValid() {
			return (*op).Pos()
		}
	}
	return instr.Parent().Pos()
}
