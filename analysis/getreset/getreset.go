package getreset

import (
	"fmt"
	"go/types"
	"sync"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports buffers that are written to without having been reset.
var Analyzer = &analysis.Analyzer{
	Name:     "getreset",
	Doc:      "report pooled buffers that are used with the contents of their last use",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#getreset",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

// What is known of the value on a path.
const (
	flagReset    flow.Flags = 1 << iota // it was reset since it was got
	flagSet                             // a field of it was set
	flagLent                            // a function was given it, or something in it
	flagGiven                           // and it is not known whether that function resets it
	flagDeferred                        // it goes back as it is when the function returns, by the defer at Mark
	flagAdded                           // something was written to it, or it was given away, since it was reset
	flagLate                            // a defer resets it
)

// use is the first use of a value that was not reset.
type use struct {
	acq    poolmodel.Acquisition
	instr  ssa.Instruction
	always bool // it is of a type that is of no use without a reset, and what is in it is read
	own    bool // it is of a type with a Reset, and was never reset, nor were the fields set that this resets
}

// pool is what the package does with one pool's values.
type pool struct {
	dirty  ssa.Instruction // a Put of a value that was not reset before it
	resets bool            // some path resets a value
	own    *types.Func     // and calls for it this method of the package or of another, nil for none
	uses   []use

	lent []poolmodel.Acquisition // those that exported functions return as they were left, and that have a Reset
}

// add notes what a function does with one value. acq is nil for a wrapper's parameter: what is done with that before it is put is the user's.
func (p *pool) add(l *life, acq *poolmodel.Acquisition) {
	p.resets = p.resets || l.reset
	if l.byOwn {
		p.own = l.own
	}
	if l.dirty == nil && l.inPart != nil && remains(l.m, l.typ, l.own, l.sets) {
		l.dirty = l.inPart
	}
	if l.dirty != nil {
		p.dirty = l.dirty
	}
	if acq != nil && !acq.Wrapper && l.returned && isExported(l.t.Fn) && hasReset(l.typ) {
		p.lent = append(p.lent, *acq)
	}
	switch {
	case acq == nil:
	case l.added != nil:
		p.uses = append(p.uses, use{acq: *acq, instr: l.added, always: l.always && (l.read || !addsUp(l.typ))})
	case l.used != nil && !l.reset && l.own != nil && (len(l.sets) == 0 || leaves(l.m, l.own, l.sets)):
		p.uses = append(p.uses, use{acq: *acq, instr: l.used, own: true})
	}
}

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	fields := sync.OnceValue(func() fieldUses { return usesOfFields(m) })
	pools := map[string]*pool{}
	var order []string
	add := func(name string, t *flow.Track, typ types.Type, acq *poolmodel.Acquisition) {
		if pools[name] == nil {
			pools[name] = new(pool)
			order = append(order, name)
		}
		if l := follow(m, t, typ); l != nil {
			pools[name].add(l, acq)
		}
	}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool != "" && !(acq.Wrapper && mayReset(acq)) {
				add(acq.Pool, m.Track(fn, acq), typeOf(acq), &acq)
			}
		}
		for i := range fn.Params {
			if p := m.Param(fn, i); p.Put != poolmodel.Never && p.Pool != "" {
				t := m.TrackParam(fn, i)
				add(p.Pool, t, t.Root.Type(), nil)
			}
		}
	}
	told := map[flow.Field]bool{}
	for _, name := range order {
		p := pools[name]
		for _, u := range p.uses {
			if p.dirty != nil && (u.always || p.resets && isWriter(u.acq) ||
				u.own && (p.own != nil || isUncalled(m, typeOf(u.acq), pass.Pkg) && resetsGrown(m, typeOf(u.acq), pass.Pkg, fields()))) {
				report(pass, m, p.dirty, u)
			}
		}
		if len(p.lent) > 0 && !p.resets {
			reportLent(pass, m, name, p.lent)
		}
		if p.own != nil {
			reportForgotten(pass, m, name, p.own, fields, told)
		}
	}
	reportLeft(pass, m, told)
	reportReceived(pass, m)
	return nil, nil
}

// isUncalled reports whether nobody calls the method by which a value of type t is reset, and the package could.
func isUncalled(m *poolmodel.Model, t types.Type, pkg *types.Package) bool {
	method, own := ownReset(t, pkg)
	return own && !m.IsCalled(method)
}

func report(pass *analysis.Pass, m *poolmodel.Model, dirty ssa.Instruction, u use) {
	m.Report(pass, analysis.Diagnostic{
		Category: "not-reset",
		Pos:      u.acq.Call.Pos(),
		Message: fmt.Sprintf("%s is used in line %d without Reset, and the Put in line %d does not reset it either: it holds what its last user left",
			m.Got(u.acq), m.Line(u.instr.Pos()), m.Line(dirty.Pos())),
		Related: []analysis.RelatedInformation{{Pos: dirty.Pos(), Message: "put back as it is"}},
	})
}

// mayReset reports whether a wrapper of Get may have reset what it returns: it is not here to be seen, or calls a Reset.
func mayReset(acq poolmodel.Acquisition) bool {
	fn := acq.Call.Call.StaticCallee()
	return fn == nil || len(fn.Blocks) == 0 || mentionsReset(fn)
}

// isWriter reports whether an acquisition is of a type with the methods Write and Reset: what is written adds up.
func isWriter(acq poolmodel.Acquisition) bool {
	methods := types.NewMethodSet(typeOf(acq))
	return methods.Lookup(nil, "Write") != nil && methods.Lookup(nil, "Reset") != nil
}

// typeOf returns the type of what was got, out of its interface.
func typeOf(acq poolmodel.Acquisition) types.Type {
	for _, ref := range *acq.Value.Referrers() {
		if assert, ok := ref.(*ssa.TypeAssert); ok {
			return assert.AssertedType
		}
	}
	return acq.Value.Type()
}

// life is what a function does with one value of a pool, on all its paths.
type life struct {
	m     *poolmodel.Model
	t     *flow.Track
	typ   types.Type
	own   *types.Func // the method by which it is reset, nil for none
	loops func() bool // whether a loop resets it

	reset, byOwn  bool            // some path resets it, by own
	returned      bool            // some path returns it as it was got
	read          bool            // something reads what is in it, or is given it
	always        bool            // what adds to it needs a reset before
	sets          map[int]bool    // fields of it that are set
	added, used   ssa.Instruction // the first in the source that adds to it, and that uses it, without a reset before
	dirty, inPart ssa.Instruction // puts it back as it is, and with no more than some fields set
}

// follow walks the paths of a value of type typ, out of its interface. It returns nil where there was too much to see.
func follow(m *poolmodel.Model, t *flow.Track, typ types.Type) *life {
	l := &life{m: m, t: t, typ: typ, sets: map[int]bool{}}
	l.own, _ = ownReset(typ, t.Fn.Pkg.Pkg)
	l.loops = sync.OnceValue(func() bool { return resetsInLoop(m, t) })
	if !t.Walk(l.visit) {
		return nil
	}
	return l
}

func (l *life) visit(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
	if l.resets(s, instr) {
		return true
	}
	l.look(s, instr)
	if _, ok := instr.(*ssa.Return); ok && s.Flags&flagDeferred != 0 {
		l.leave(s)
		return false
	}
	e := l.m.Event(l.t, s, instr)
	adds, needs := adding(l.m, l.t, s, instr)
	if s.Flags&flagReset != 0 && (adds || e.Kind == poolmodel.Keep) {
		s.Flags |= flagAdded
	}
	if !adds && e.Kind != poolmodel.Put && e.Kind != poolmodel.DeferPut {
		l.read = l.read || readsAll(l.t, s, instr)
	}
	switch e.Kind {
	case poolmodel.Put:
		if isDirty(l.m, instr) {
			l.put(s, instr)
		}
		return false
	case poolmodel.DeferPut:
		if isDirty(l.m, instr) {
			s.Flags |= flagDeferred
			s.Mark = instr
		}
	case poolmodel.Use:
		l.use(s, instr, adds, needs)
	case poolmodel.Keep:
		l.keep(s, instr, e, adds, needs)
		return !e.Stored || s.Flags&flagDeferred != 0
	case poolmodel.Return:
		l.returned = l.returned || e.Class == flow.Same && s.Flags&(flagReset|flagLent|flagLate) == 0
		return false
	}
	return true
}

// resets notes a reset, and reports whether instr is one.
func (l *life) resets(s *flow.State, instr ssa.Instruction) bool {
	if !isReset(l.m, l.t, s, instr) && !(beginsLoop(l.t, s, instr) && l.loops()) {
		return false
	}
	l.reset = true
	if call, ok := instr.(*ssa.Call); ok && l.own != nil && poolmodel.CalleeName(&call.Call) == l.own.Name() {
		l.byOwn = true
	}
	s.Flags = s.Flags&^flagAdded | flagReset
	if _, ok := instr.(*ssa.Defer); ok {
		s.Flags |= flagLate
	}
	return true
}

// look notes what instr does that matters for what comes later.
func (l *life) look(s *flow.State, instr ssa.Instruction) {
	if resetsLate(instr) {
		s.Flags |= flagLate
	}
	if looksUp(l.t, s, instr) {
		s.Flags |= flagReset // a cache: what its last user left is what it is for
	}
	if field := setsField(l.t, s, instr); field >= 0 {
		s.Flags |= flagSet
		l.sets[field] = true
	}
}

// put notes a Put of the value as it is.
func (l *life) put(s *flow.State, put ssa.Instruction) {
	switch {
	case s.Flags&(flagReset|flagGiven) != 0:
	case s.Flags&flagSet != 0:
		l.inPart = put
	default:
		l.dirty = put
	}
}

// leave notes the end of a path with a defer that puts the value back.
func (l *life) leave(s *flow.State) {
	if s.Flags&flagLate != 0 {
		return
	}
	if s.Flags&flagAdded != 0 {
		l.dirty = s.Mark
	}
	l.put(s, s.Mark)
}

func (l *life) use(s *flow.State, instr ssa.Instruction, adds, needs bool) {
	if s.Flags&(flagReset|flagLent) != 0 {
		return
	}
	if l.used == nil || instr.Pos() < l.used.Pos() {
		l.used = instr
	}
	if adds && (l.added == nil || instr.Pos() < l.added.Pos() || needs && !l.always) {
		l.added, l.always = instr, l.always || needs
	}
}

// keep notes that somebody is given the value, or something in it.
func (l *life) keep(s *flow.State, instr ssa.Instruction, e poolmodel.Event, adds, needs bool) {
	if adds && needs && l.added == nil && s.Flags&(flagReset|flagLent) == 0 {
		l.added, l.always = instr, true
	}
	if l.used == nil && !e.Stored && s.Flags&flagReset == 0 {
		l.used = instr
	}
	s.Flags |= flagLent
	if !adds && gives(l.t, s, instr) {
		s.Flags |= flagGiven
	}
}
