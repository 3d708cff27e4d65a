package getreset

import (
	"fmt"
	"go/types"

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
	flagReset flow.Flags = 1 << iota // it was reset since it was got
	flagSet                          // a field of it was set
	flagLent                         // a function was given it of which it is not known whether it resets it
)

// use is the first use of a value that was not reset.
type use struct {
	acq    poolmodel.Acquisition
	instr  ssa.Instruction
	always bool // it is of a type that is of no use without a reset
	own    bool // it is of a type of the package that has a Reset, and was never reset, nor a field of it set
}

// pool is what the package does with one pool's values.
type pool struct {
	dirty  ssa.Instruction // a Put of a value that was not reset before it
	resets bool            // some path resets a value
	byOwn  bool            // or calls a reset of the package's own
	uses   []use
}

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	pools := map[string]*pool{}
	var order []string
	at := func(name string) *pool {
		if pools[name] == nil {
			pools[name] = new(pool)
			order = append(order, name)
		}
		return pools[name]
	}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Pool != "" && !(acq.Wrapper && mayReset(acq)) {
				follow(m, m.Track(fn, acq), at(acq.Pool), &acq)
			}
		}
		for i := range fn.Params {
			if p := m.Param(fn, i); p.Put != poolmodel.Never && p.Pool != "" {
				follow(m, m.TrackParam(fn, i), at(p.Pool), nil)
			}
		}
	}
	for _, name := range order {
		p := pools[name]
		if p.dirty == nil {
			continue
		}
		for _, u := range p.uses {
			if u.always || p.resets && isWriter(u.acq) || u.own && (p.byOwn || !m.IsCalled(ownReset(typeOf(u.acq), pass.Pkg))) {
				report(pass, m, p, u)
			}
		}
	}
	return nil, nil
}

func report(pass *analysis.Pass, m *poolmodel.Model, p *pool, u use) {
	m.Report(pass, analysis.Diagnostic{
		Pos: u.acq.Call.Pos(),
		Message: fmt.Sprintf("%s is used in line %d without Reset, and the Put in line %d does not reset it either: it holds what its last user left",
			m.Got(u.acq), m.Line(u.instr.Pos()), m.Line(p.dirty.Pos())),
		Related: []analysis.RelatedInformation{{Pos: p.dirty.Pos(), Message: "put back as it is"}},
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

// follow walks the paths of a value and notes in p how it is used and put back. acq is nil for a wrapper's parameter: what
// is done with that before it is put is the user's.
func follow(m *poolmodel.Model, t *flow.Track, p *pool, acq *poolmodel.Acquisition) {
	var first, firstOwn, dirty ssa.Instruction
	reset, always, sets := false, false, false
	typ := t.Root.Type()
	if acq != nil {
		typ = typeOf(*acq)
	}
	own := ownReset(typ, t.Fn.Pkg.Pkg)
	ok := t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		if isReset(m, t, s, instr) {
			reset = true
			if call, ok := instr.(*ssa.Call); ok && own != nil && poolmodel.CalleeName(&call.Call) == own.Name() {
				p.byOwn = true
			}
			s.Flags |= flagReset
			return true
		}
		if looksUp(t, s, instr) {
			s.Flags |= flagReset // a cache: what its last user left is what it is for
		}
		if setsField(t, s, instr) {
			s.Flags |= flagSet
			sets = true
		}
		e := m.Event(t, s, instr)
		switch e.Kind {
		case poolmodel.Put:
			if s.Flags&flagReset == 0 && isDirty(m, instr) {
				dirty = instr
			}
			return false
		case poolmodel.DeferPut:
			if isDirty(m, instr) {
				dirty = instr
			}
		case poolmodel.Use:
			if s.Flags&(flagReset|flagLent) != 0 {
				break
			}
			if firstOwn == nil || instr.Pos() < firstOwn.Pos() {
				firstOwn = instr
			}
			adds, needs := adding(m, t, s, instr)
			if adds && (first == nil || instr.Pos() < first.Pos() || needs && !always) {
				first, always = instr, always || needs
			}
		case poolmodel.Keep:
			if adds, needs := adding(m, t, s, instr); adds && needs && first == nil && s.Flags&(flagReset|flagLent) == 0 {
				first, always = instr, true
			}
			s.Flags |= flagLent
			return !e.Stored
		case poolmodel.Return:
			return false
		}
		return true
	})
	if !ok {
		return
	}
	p.resets = p.resets || reset
	if dirty != nil {
		p.dirty = dirty
	}
	switch {
	case acq == nil:
	case first != nil:
		p.uses = append(p.uses, use{acq: *acq, instr: first, always: always})
	case firstOwn != nil && !reset && !sets && own != nil:
		p.uses = append(p.uses, use{acq: *acq, instr: firstOwn, own: true})
	}
}
