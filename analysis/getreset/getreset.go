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

const flagReset flow.Flags = 1 // the value was reset since it was got

// use is the first use of a value that was not reset.
type use struct {
	acq    poolmodel.Acquisition
	instr  ssa.Instruction
	always bool // it is of a type that is of no use without a reset
}

// pool is what the package does with one pool's values.
type pool struct {
	dirty  ssa.Instruction // a Put of a value that was not reset before it
	resets bool            // some path resets a value
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
			if u.always || p.resets && isWriter(u.acq) {
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
	t := acq.Value.Type()
	for _, ref := range *acq.Value.Referrers() {
		if assert, ok := ref.(*ssa.TypeAssert); ok && !assert.CommaOk {
			t = assert.AssertedType
		}
	}
	methods := types.NewMethodSet(t)
	return methods.Lookup(nil, "Write") != nil && methods.Lookup(nil, "Reset") != nil
}

// follow walks the paths of a value and notes in p how it is used and put back. acq is nil for a wrapper's parameter: what
// is done with that before it is put is the user's.
func follow(m *poolmodel.Model, t *flow.Track, p *pool, acq *poolmodel.Acquisition) {
	var first, dirty ssa.Instruction
	reset, always := false, false
	ok := t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		if isReset(t, s, instr) {
			reset = true
			s.Flags |= flagReset
			return true
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
			if s.Flags&flagReset != 0 {
				break
			}
			adds, needs := adding(t, s, instr)
			if adds && (first == nil || instr.Pos() < first.Pos() || needs && !always) {
				first, always = instr, always || needs
			}
		case poolmodel.Keep, poolmodel.Return:
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
	if acq != nil && first != nil {
		p.uses = append(p.uses, use{*acq, first, always})
	}
}
