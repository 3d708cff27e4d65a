package useafterput

import (
	"fmt"
	"go/token"
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
)

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	for _, fn := range m.Funcs {
		c := checker{pass: pass, m: m, fn: fn, reported: map[token.Pos]bool{}}
		for _, acq := range m.Acquisitions(fn) {
			c.check(m.Track(fn, acq))
		}
		for i := range len(fn.Params) + len(fn.FreeVars) {
			if m.Param(fn, i).Put != poolmodel.Never {
				c.check(m.TrackParam(fn, i))
			}
		}
		for _, f := range m.FieldPuts(fn) {
			c.of = f.X
			c.check(m.TrackField(fn, f))
			c.of = nil
		}
	}
	return nil, nil
}

type checker struct {
	pass     *analysis.Pass
	m        *poolmodel.Model
	fn       *ssa.Function
	of       ssa.Value // the parameter whose field is followed, nil for none
	reported map[token.Pos]bool
}

type finding struct {
	pos token.Pos
	msg string
	put token.Pos
}

// check follows one value and reports the first use after each Put.
func (c *checker) check(t *flow.Track) {
	found := map[token.Pos]finding{} // by the Put
	ok := t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		f, more := c.visit(t, s, instr)
		if f.pos.IsValid() {
			if old, ok := found[f.put]; !ok || f.pos < old.pos {
				found[f.put] = f
			}
		}
		return more
	})
	if !ok {
		return
	}
	for _, f := range found {
		if c.reported[f.pos] {
			continue
		}
		c.reported[f.pos] = true
		c.m.Report(c.pass, analysis.Diagnostic{
			Pos: f.pos, Message: f.msg,
			Related: []analysis.RelatedInformation{{Pos: f.put, Message: "put back here"}},
		})
	}
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
			return finding{pos: late.Pos(), put: s.Mark.Pos(), msg: fmt.Sprintf("this defer uses a value that was put back before, in line %d: by then it may be somebody else's",
				c.m.Line(s.Mark.Pos()))}, false
		}
	}
	if store, ok := instr.(*ssa.Store); ok && c.of != nil && s.Flags&flagPut != 0 && t.Cell(store.Addr) && t.Live(s, store.Val) != flow.None {
		return c.say(s, instr, "a value put back in line %d stays in the field: by now it may be somebody else's", c.m.Line(s.Mark.Pos())), false
	}
	e := c.m.Event(t, s, instr)
	switch {
	case s.Flags&flagDeferred != 0 && e.Class != flow.Same && c.m.ReturnsReader(t, s, instr):
		return c.say(s, instr, "%s returns what reads memory that goes back to the pool when the function returns (defer in line %d)",
			c.fn.Name(), c.m.Line(s.Mark.Pos())), false
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
		return finding{pos: s.Mark.Pos(), put: instr.Pos(), msg: fmt.Sprintf("this defer uses a value that was put back before, in line %d: by then it may be somebody else's",
			c.m.Line(instr.Pos()))}, false
	case e.Kind == poolmodel.Hold: // one more holder: the next Put does not end its life
		return finding{}, false
	case s.Flags&flagPut != 0:
		return c.after(s, instr, e)
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
		s.Mark = instr
	case e.Kind == poolmodel.DeferPut && e.Level == poolmodel.Always && s.Flags&flagDeferred != 0 && s.Mark != instr:
		return c.twice(s, instr)
	case e.Kind == poolmodel.DeferPut && e.Level == poolmodel.Always:
		s.Flags |= flagDeferred
		s.Mark = instr
	case e.Kind == poolmodel.Return && s.Flags&flagDeferred != 0 && e.Class <= flow.Part:
		return c.say(s, instr, "%s returns memory that goes back to the pool when the function returns (defer in line %d)",
			c.fn.Name(), c.m.Line(s.Mark.Pos())), false
	}
	return finding{}, true
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
func (c *checker) after(s *flow.State, instr ssa.Instruction, e poolmodel.Event) (finding, bool) {
	if e.Class > flow.Part {
		return finding{}, true
	}
	line := c.m.Line(s.Mark.Pos())
	switch e.Kind {
	case poolmodel.Put, poolmodel.DeferPut:
		return c.twice(s, instr)
	case poolmodel.Return:
		return c.say(s, instr, "%s returns memory that was put back in line %d: by now it may be somebody else's", c.fn.Name(), line), false
	case poolmodel.Keep:
		return c.say(s, instr, "a value put back in line %d is given away here: by now it may be somebody else's", line), false
	}
	return c.say(s, instr, "use of a value after it was put back in line %d: by now it may be somebody else's", line), false
}

// twice reports a Put of a value that the Put at the state's Mark puts back, too.
func (c *checker) twice(s *flow.State, instr ssa.Instruction) (finding, bool) {
	how := "put back twice, first"
	switch {
	case s.Flags&flagPut != 0:
	case s.Flags&flagDeferred != 0:
		how = "put back here and again by the defer"
	case s.Flags&flagMaybe != 0:
		how = "put back twice when " + c.m.CallText(s.Mark.(ssa.CallInstruction)) + " has done so"
	}
	return c.say(s, instr, "a value is %s in line %d: the pool lends it to two at once", how, c.m.Line(s.Mark.Pos())), false
}

func (c *checker) say(s *flow.State, instr ssa.Instruction, format string, args ...any) finding {
	return finding{pos: position(instr), msg: fmt.Sprintf(format, args...), put: s.Mark.Pos()}
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
